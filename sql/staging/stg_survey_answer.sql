-- Grain: one row per answer to one question. The newest version of each key; ingest has typed it and told the versions apart.
select
    source_system,
    answer_id,
    store_id,
    order_ref,
    customer_key,
    answered_ts,
    answer_date_local,
    question,
    answer,
    channel,
    network
from raw.survey_answer
where
    _is_current
    and answer_date_local between $first_date and $last_date
