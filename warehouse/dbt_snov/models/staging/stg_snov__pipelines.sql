{{ snov.stage(
    'pipelines',
    columns=[
        ['pipeline_id', 'whole', 'id'],
        ['name', 'text'],
        ['deals_count', 'whole'],
        ['deals_value', 'number'],
        ['created_at', 'time'],
    ],
    key=['pipeline_id'],
    listed=true
) }}
