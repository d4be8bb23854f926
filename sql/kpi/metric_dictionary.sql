-- Grain: one row per published column. A label that nobody has translated yet stays NULL, which the suite warns of.
select
    d.table_name,
    d.column_name,
    d.label_en,
    l.label_uk,
    l.label_ru,
    d.formula,
    d.denominator,
    d.grain,
    d.basis,
    d.caveat,
    d.version
from seeds.metric_dictionary as d
left join seeds.metric_label as l on l.label_en = d.label_en
