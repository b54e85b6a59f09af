{#
    How far each campaign was, from when to when: each sync replaces the progress of the one before. A row is added where
    something changed between two builds.
#}
{% snapshot snov__campaign_progress_history %}
{{ config(
    unique_key='campaign_id',
    strategy='check',
    check_cols=['status', 'unfinished', 'progress'],
    hard_deletes='invalidate'
) }}
select campaign_id, status, unfinished, progress, checked_at
from {{ ref('snov', 'stg_snov__campaign_progress') }}
{% endsnapshot %}
