"""From an AdmissionReview that asks to the AdmissionReview that answers. Pure.

The answer is always yes: a pod that placement cannot read is admitted as it is, with a warning that
whoever applied it sees.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from podring_controller.placement.affinity import Operation, patch_of
from podring_controller.placement.annotations import MalformedAnnotation

_HINT = "The pod is scheduled as if it had no podring.io annotations"


class NotAReview(ValueError):
    """A body that is no AdmissionReview with a request about a pod."""


def answer(review: object) -> dict[str, Any]:
    """The review with a response: allowed, with the patch if there is one.

    raises   NotAReview
    """
    request = review.get("request") if isinstance(review, Mapping) else None
    if not isinstance(request, Mapping) or not isinstance(request.get("object"), Mapping):
        raise NotAReview("an AdmissionReview with request.object was expected")
    response: dict[str, Any] = {"uid": request.get("uid"), "allowed": True}
    try:
        response |= _patched(patch_of(request["object"]))
    except MalformedAnnotation as error:
        response["warnings"] = [f"annotation {error}. {_HINT}"]
    except (TypeError, AttributeError, KeyError) as error:  # no API server sends such a pod
        raise NotAReview(f"request.object is no pod: {error}") from error
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def _patched(patch: list[Operation]) -> dict[str, Any]:
    if not patch:
        return {}
    return {
        "patchType": "JSONPatch",
        "patch": base64.b64encode(json.dumps(patch).encode()).decode(),
    }
