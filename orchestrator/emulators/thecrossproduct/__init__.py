"""TheCrossProduct Web API v1, as its published page and the facts about it describe it."""
