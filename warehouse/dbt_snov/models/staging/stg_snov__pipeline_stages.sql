{{ snov.stage(
    'pipeline_stages',
    columns=[
        ['stage_id', 'whole', 'id'],
        ['pipeline_id', 'whole'],
        ['name', 'text'],
        ['stage_order', 'whole', 'order'],
        ['deals_count', 'whole'],
        ['deals_value', 'number'],
    ],
    key=['stage_id']
) }}
