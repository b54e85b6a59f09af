{{ snov.stage(
    'do_not_email_lists',
    columns=[
        ['do_not_email_list_id', 'whole', 'id'],
        ['name', 'text'],
        ['owner', 'text'],
        ['total', 'whole'],
    ],
    key=['do_not_email_list_id'],
    listed=true
) }}
