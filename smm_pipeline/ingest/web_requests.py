"""What a line of a web server's log tells of a request, as functions of mapping expressions.

Belongs here: which requests are pages, robots and kinds of devices, the same for every server. Does not belong here:
the form of a line (mappings), and keeping a user agent, which with an address tells a person.
"""

from __future__ import annotations

# By their own words: crawlers, previews of messengers and networks, monitors, libraries, headless browsers.
_ROBOT = (
    r"bot\b|bot[/;_-]|crawl|spider|slurp|preview|facebookexternalhit|whatsapp/|monitor|pingdom|lighthouse|headless|"
    r"phantomjs|curl/|wget|python|java/|httpclient|go-http|okhttp|libwww|scrapy|node-fetch|axios|feedfetcher|archiver"
)
_TABLET = r"ipad|tablet|kindle|playbook|silk/"
_MOBILE = r"mobi|iphone|ipod|android|phone|blackberry|opera mini"
_FILE = r"\.(css|js|mjs|map|json|xml|txt|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|eot|mp[34]|webm|pdf|zip|gz)$"

REQUEST_MACROS = {
    # A page that the browser had (304) is seen as well. Without an answer the line is none, and its kind unknown.
    "request_kind(method, target, status)": f"""
        case when status is null or status = '' then null
        when status like '3%' and status <> '304' then 'redirect'
        when not (status like '2%' or status = '304') then 'error_answer'
        when method not in ('GET', 'POST') then 'other_method'
        when regexp_matches(lower(string_split(target, '?')[1]), '{_FILE}') then 'file'
        when method = 'GET' then 'page_view'
        else 'form' end""",
    # A request without a user agent is no browser's. Cubot makes phones.
    "is_robot(agent)": f"""
        agent is null or agent in ('', '-') or regexp_matches(replace(lower(agent), 'cubot', ''), '{_ROBOT}')""",
    # Android without the word mobile is a tablet, by Google's rule for browsers.
    "device_of(agent)": f"""
        case when agent is null or agent in ('', '-') then null
        when regexp_matches(lower(agent), '{_TABLET}')
            or (contains(lower(agent), 'android') and not contains(lower(agent), 'mobile')) then 'tablet'
        when regexp_matches(lower(agent), '{_MOBILE}') then 'mobile'
        else 'desktop' end""",
}
