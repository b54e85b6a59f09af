{{ snov.stage(
    'prospect_lists',
    columns=[
        ['list_id', 'whole', 'id'],
        ['name', 'text'],
        ['contacts', 'whole'],
        ['is_deleted', 'boolean'],
        ['created_at', 'time', 'creation_date'],
        ['deleted_at', 'time', 'deletion_date'],
    ],
    key=['list_id']
) }}
