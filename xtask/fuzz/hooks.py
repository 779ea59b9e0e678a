"""What counts as a fault of the server: 5xx, but for the one that is asked for. `partial=deny` wants 503
rather than an answer with less than everything, and a fuzzed server knows of much that it lacks. And what
is no bad input: a header that nobody knows, which HTTP wants to be passed over. And what keeps out whoever
has no good token: 429, too, from where too many were presented that are none."""

import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure
from schemathesis.specs.openapi.checks import ignored_auth


def is_incomplete_as_asked(response, case):
    if response.status_code != 503:
        return False
    problem = response.json()
    code = problem.get("code") or problem.get("error", {}).get("code")
    body = case.body if isinstance(case.body, dict) else {}
    asked = [(case.query or {}).get("partial"), body.get("partial")]
    return code == "incomplete" and "deny" in asked


@schemathesis.check
def no_fault_of_the_server(ctx, response, case):
    if is_incomplete_as_asked(response, case):
        return None
    return not_a_server_error(ctx, response, case)


@schemathesis.check
def no_way_in_without_a_token(ctx, response, case):
    try:
        return ignored_auth(ctx, response, case)
    except Failure as failure:
        if "got `429 Too Many Requests`" in failure.message:
            return None
        raise


@schemathesis.hook
def filter_case(context, case):
    return "x-schemathesis-unknown-property" not in (case.headers or {})
