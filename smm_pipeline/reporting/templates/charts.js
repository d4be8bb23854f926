// Draws every chart of the page. The bundler puts Vega-Embed in front of this snippet.
const { theme, specs } = JSON.parse(document.getElementById("chart-data").textContent);
const options = {
  mode: "vega-lite",
  renderer: "svg", // sharp on paper
  actions: false, // the menu would offer to open an editor on the internet
  ast: true, // interpret expressions: nothing is compiled, so the page's policy can forbid it
  config: theme,
};

async function draw(name, spec) {
  const place = document.getElementById(`chart-${name}`);
  try {
    await vegaEmbed(place, spec, options);
  } catch (error) {
    place.textContent = `This chart could not be drawn: ${error.message}`;
    console.error(name, error);
  }
}

await Promise.all(Object.entries(specs).map(([name, spec]) => draw(name, spec)));
document.documentElement.dataset.charts = "drawn";

// Folded definitions belong on paper too.
window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
