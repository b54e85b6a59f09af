"""The `sequence` of a campaign: its steps as linked objects of several types (Snov.io API reference 2.2)."""

from __future__ import annotations

from typing import Any, Final

from sandbox.world.account import Campaign
from sandbox.world.events import EMAILS, FOLLOW, IN_MAIL, INVITE, LIKE, MESSAGE, VIEW
from sandbox.world.plans import Step
from sandbox.world.wording import template

ACTIONS: Final = {
    VIEW: "visit",
    LIKE: "like",
    FOLLOW: "follow",
    INVITE: "invite",
    MESSAGE: "message",
    IN_MAIL: "in_mail",
}


def sequence(campaign: Campaign) -> dict[str, Any]:
    """The start of the sequence and its steps; empty for a draft without recipients.

    A wait is a separate step. A message on LinkedIn goes only to people who accepted the invitation: a trigger before
    it sends everybody else to the goal, which ends every sequence.
    """
    if campaign.status == "Draft" and not campaign.recipients:
        return {"entry": None, "steps": []}
    steps: list[dict[str, Any]] = []
    for position, step in enumerate(campaign.steps):
        if step.wait:
            steps.append({"type": "delay", "waiting_type": "days", "waiting_val": step.wait})
        if step.kind == MESSAGE:
            steps.append({"type": "trigger", "action": "connected_on_linkedin"})
        steps.append(_step(campaign, step, position))
    steps.append({"type": "goal", "goal_name": "done"})
    refs = [str(10**7 * campaign.id + number) for number in range(1, len(steps) + 1)]
    linked = [{"_ref": refs[number], **step, **_links(step, refs, number)} for number, step in enumerate(steps)]
    return {"entry": refs[0], "steps": linked}


def _links(step: dict[str, Any], refs: list[str], number: int) -> dict[str, Any]:
    """The next steps. The `value` of a trigger is sometimes a number and sometimes an array of numbers."""
    if step["type"] == "goal":
        return {}
    if step["type"] == "trigger":
        value = 2 if number % 2 else [2, 3]
        return {"waiting_type": "days", "waiting_val": 2, "value": value, "yes": refs[number + 1], "no": refs[-1]}
    return {"next": refs[number + 1]}


def content(campaign: Campaign, step_id: int, content_id: int) -> dict[str, Any] | None:
    """The text of a variant of an e-mail step (API reference 2.4); None if the step has no such content."""
    for position, step in enumerate(_emails(campaign)):
        for variant in step["content"] if int(step["_ref"]) == step_id else ():
            if variant["id"] == content_id:
                text = f"<p>Hi {{{{first_name}}}},</p><p>this is message {position + 1}.</p>"
                return {**variant, "subject": step["subject"], "body": text}
    return None


def _emails(campaign: Campaign) -> list[dict[str, Any]]:
    return [step for step in sequence(campaign)["steps"] if step["type"] == "email"]


def _step(campaign: Campaign, step: Step, position: int) -> dict[str, Any]:
    if step.kind not in EMAILS:
        written = step.kind in (INVITE, MESSAGE, IN_MAIL)
        text = {"subject": None, "body": "<p>Hi {{first_name}}, shall we talk?</p>"} if written else {}
        return {"type": "linkedin", "action": ACTIONS[step.kind], **text}
    variants = 1 if position else 2
    content = [
        {
            "id": 10**8 * campaign.id + 10 * position + variant,
            "plain_text": bool(position),
            "usage": "pause" if variant else "active",
        }
        for variant in range(variants)
    ]
    subject = None if position else template(campaign)
    return {"type": "email", "subject": subject, "content_slots": variants, "content": content}
