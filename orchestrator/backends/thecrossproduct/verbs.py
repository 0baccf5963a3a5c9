"""What people can do with an account beside running jobs: `orchestrator remote NAME VERB`."""

import time
from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.backend import BackendError, Diagnosis, RejectedError, Verb
from orchestrator.backends.http import Ask, Use
from orchestrator.backends.http.headers import skew
from orchestrator.backends.thecrossproduct import account, apps, storing
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.checking import inputs_of

Service = TheCrossProduct
CLOCKS_APART = 60.0  # seconds from which a wrong clock is told


async def _whoami(service: Service) -> JsonValue:
    return await account.account(service.session)


async def _token(service: Service) -> JsonValue:
    return await account.token(service.session)


async def _apps(service: Service) -> JsonValue:
    found = await apps.apps(service.session)
    return [{"app": f"{domain}/{app}"} for domain in sorted(found) for app in sorted(found[domain])]


async def _describe(service: Service, app: str) -> JsonValue:
    schema = inputs_of(await apps.inputs_schema(service.session, app, Use.ASK))
    needed = schema.get("required") or []
    return [
        {
            "input": name,
            "type": about.get("type"),
            "needed": name in needed,
            "what": about.get("description"),
        }
        for name, about in schema["properties"].items()
        if isinstance(about, dict)
    ]


async def _about(service: Service, app: str) -> JsonValue:
    return await apps.page(service.session, app)


async def _runs(service: Service) -> JsonValue:
    return [
        {
            "id": one.id,
            "app": f"{one.domain}/{one.app}",
            "state": one.state,
            "launched": one.launched,
            "tags": " ".join(one.tags or ()),
        }
        for one in await apps.processes(service.session, Use.ASK)
    ]


async def _run(service: Service, run: str) -> JsonValue:
    process = await apps.process(service.session, run, Use.ASK)
    if process is None:
        raise RejectedError(f"there is no process {run}", effect="none")
    return {
        **process.model_dump(mode="json"),
        "cost": await apps.cost(service.session, run, Use.ASK),
    }


async def _outputs(service: Service, run: str) -> JsonValue:
    found = apps.outputs(service.session, run, Use.ASK, refresh=True)
    return [{"output": one.key} async for one in found]


async def _stop(service: Service, run: str) -> JsonValue:
    await _end(service, run, keep=True)
    return f"{run} was asked to stop"


async def _erase(service: Service, run: str) -> JsonValue:
    await _end(service, run, keep=False)
    return f"{run} is stopped, and its record erased"


async def _end(service: Service, run: str, *, keep: bool) -> None:
    if not await apps.stop(service.session, [run], Use.ASK, keep=keep):
        raise RejectedError(f"there is no process {run}", effect="none")


async def _stop_all(service: Service) -> JsonValue:
    await apps.stop_all(service.session, keep=True)
    return "every process of the account was asked to stop"


async def _licences(service: Service) -> JsonValue:
    return await account.licences(service.session)


async def _licence(service: Service, token: str) -> JsonValue:
    return await account.licence(service.session, token)


async def _end_sessions(service: Service) -> JsonValue:
    await account.end_all_sessions(service.session)
    return "every token of the account is void"


async def _reset_password(service: Service, mail: str) -> JsonValue:
    await account.reset_password(service.session, mail)  # its answer holds a link that is a secret
    return f"a mail was sent to {mail}"


async def _routes(service: Service) -> JsonValue:
    answer = await account.routes(service.session)
    return answer.get("routes") if isinstance(answer, dict) else answer


VERBS = {
    "whoami": Verb("The account.", _whoami),
    "token": Verb("The login that is in use, and when it ends.", _token),
    "apps": Verb("The apps that the account may run.", _apps),
    "describe": Verb("The inputs that an app takes.", _describe, ("APP",)),
    "about": Verb("What the service says of an app.", _about, ("APP",)),
    "ls": Verb("Files and folders in the storage.", storing.ls, ("[FOLDER]",)),
    "get": Verb("Fetch a file.", storing.get, ("PATH", "FILE"), file="to here"),
    "put": Verb("Send a file.", storing.put, ("PATH", "FILE"), file="from here"),
    "rm": Verb(
        "Remove a file or folder.",
        storing.rm,
        ("PATH",),
        warning="what lies at that path over there is removed for good",
    ),
    "mkdir": Verb("Make a folder.", storing.mkdir, ("PATH",)),
    "cp": Verb("Copy a file or folder.", storing.cp, ("PATH", "TO")),
    "mv": Verb("Move a file or folder.", storing.mv, ("PATH", "TO")),
    "runs": Verb("The processes of the account.", _runs),
    "run": Verb("One process, with its cost.", _run, ("RUN",)),
    "outputs": Verb("What a process left.", _outputs, ("RUN",)),
    "stop": Verb("End a process, and keep its record.", _stop, ("RUN",)),
    "erase": Verb(
        "End a process and erase its record.",
        _erase,
        ("RUN",),
        warning="the record of the process is erased: a job that it belongs to loses it",
    ),
    "stop-all": Verb(
        "End every process of the account.",
        _stop_all,
        warning="every process of the account is ended, whoever started it",
    ),
    "licences": Verb("The licences of the account.", _licences),
    "licence": Verb("One licence.", _licence, ("TOKEN",)),
    "end-sessions": Verb(
        "Make every login of the account void.",
        _end_sessions,
        warning="every program and person that uses the account is logged out",
    ),
    "reset-password": Verb("Have a mail sent to change the password.", _reset_password, ("MAIL",)),
    "routes": Verb("What the service can be asked.", _routes),
}


async def examine(service: Service) -> Sequence[Diagnosis]:
    """Look at the service and the account, for `doctor`."""
    try:
        reply = await service.session.call(Ask("GET", "auth", Use.ASK, reads=True))
        found = await apps.apps(service.session)
        token = await account.token(service.session)
    except BackendError as error:
        return [Diagnosis("problem", str(error), "check the network, `url`, `mail` and `password`")]
    lines = [Diagnosis("ok", f"logged in; {sum(map(len, found.values()))} apps can be run")]
    apart = skew(reply.headers, time.time())
    if abs(apart) > CLOCKS_APART:
        advice = "set this machine's clock: logins and links depend on it"
        lines.append(Diagnosis("warning", f"the clocks are {abs(apart):.0f} s apart", advice))
    if isinstance(token, dict) and isinstance(limit := token.get("limit"), int) and limit > 0:
        lines.append(
            Diagnosis("ok", f"the login has been used {token.get('uses')} of {limit} times")
        )
    return lines
