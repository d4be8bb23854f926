"""Drafting: a first mapping for a file that nobody has described yet.

Belongs here: the public face of the room. Does not belong here: any code. See samples and text_samples (what is in the
file), closeness (which contract and column a name is near to, by synonyms.yml), forms (how values are written) and
draft (the YAML).
"""

from smm_pipeline.drafting.draft import Draft, draft_mapping

__all__ = ["Draft", "draft_mapping"]
