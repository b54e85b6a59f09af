{# The figures of campaign_analytics, campaign_analytics_daily and sender_analytics, by kind. #}

{# Actions: they add up over days, campaigns and senders. #}
{% macro action_counts() -%}
    {{ return([
        "emails_sent", "first_emails", "follow_ups", "delivered", "bounced", "connection_requests", "accepted_requests",
        "failed_connection_requests", "messages_sent", "linkedin_views", "linkedin_likes", "linkedin_follows",
        "in_mail_sent",
    ]) }}
{%- endmacro %}

{# Distinct recipients: they never add up. #}
{% macro people_counts() -%}
    {{ return([
        "total_contacted", "contacted_by_email", "email_opens", "link_clicks", "email_replies", "unsubscribed",
        "auto_replied", "contacted_by_linkedin", "linkedin_total_replies", "connection_request_replies",
        "message_replies", "in_mail_replies", "interested", "maybe", "not_interested",
    ]) }}
{%- endmacro %}

{# Percentages, rounded by the API. #}
{% macro api_rates() -%}
    {{ return([
        "first_emails_rate", "follow_ups_rate", "delivered_rate", "bounced_rate", "email_opens_rate",
        "link_clicks_rate", "email_replies_rate", "unsubscribed_rate", "auto_replied_rate",
        "linkedin_total_replies_rate", "connection_request_replies_rate", "message_replies_rate",
        "in_mail_replies_rate", "accepted_requests_rate", "interested_rate", "maybe_rate", "not_interested_rate",
    ]) }}
{%- endmacro %}

{# All of them as columns for `stage`. #}
{% macro analytics_columns() -%}
    {%- set columns = [] -%}
    {%- for name in snov.action_counts() + snov.people_counts() -%}
        {%- do columns.append([name, "whole"]) -%}
    {%- endfor -%}
    {%- for name in snov.api_rates() -%}
        {%- do columns.append([name, "number"]) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
