"""The files of the deployment, checked without an engine: form, safety, and that they name what the program has."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from prometheus_client import CollectorRegistry

from bot.config import ROOT
from bot.metrics import Metrics

DOCKER = ROOT / "docker"
SCHEMAS = ROOT / "tests" / "data" / "schemas"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))
COMPOSE = sorted(DOCKER.glob("compose*.yml"))
MANIFESTS = sorted(path for path in (DOCKER / "kubernetes").glob("*.yml"))


def _name(path: Path) -> str:
    return path.name


# --- Dockerfiles --------------------------------------------------------------------------------------------------


def _instructions(file: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", file.read_text(encoding="utf-8"), flags=re.MULTILINE))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], " ".join(line.split(None, 1)[1].split())) for line in lines]


def _last_stage(file: Path) -> list[tuple[str, str]]:
    found = _instructions(file)
    return found[max(index for index, (word, _) in enumerate(found) if word == "FROM") :]


def test_there_is_an_image_of_each_server() -> None:
    assert [path.name for path in DOCKERFILES] == ["actions.Dockerfile", "chat.Dockerfile"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=_name)
def test_bases_are_pinned_by_version(file: Path) -> None:
    stages = {text.split(" AS ")[1] for word, text in _instructions(file) if word == "FROM" and " AS " in text}
    for word, text in _instructions(file):
        if word == "FROM":
            base = text.split(" AS ")[0]
            assert base in stages or re.fullmatch(r"python:3\.10\.\d+-slim-bookworm", base)


@pytest.mark.parametrize("file", DOCKERFILES, ids=_name)
def test_what_runs_is_nobody_special_and_says_how_it_is(file: Path) -> None:
    last = dict(reversed(_last_stage(file)))
    assert last["USER"] == "10001:10001"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(last["CMD"])[:2] == ["python", "-m"], "exec form: a shell would keep the signal"
    assert "/health/live" in last["HEALTHCHECK"]


@pytest.mark.parametrize("file", DOCKERFILES, ids=_name)
def test_nothing_is_fetched_unpinned_and_no_secret_is_baked_in(file: Path) -> None:
    for word, text in _instructions(file):
        assert word not in ("ADD", "MAINTAINER")
        if "pip install" in text:
            assert "--require-hashes" in text
            assert "PIP_NO_CACHE_DIR=1" in file.read_text()
        if "apt-get install" in text:
            assert "--no-install-recommends" in text
            assert "rm -rf /var/lib/apt/lists" in text
        assert not re.search(r"(curl|wget)\b|latest|sudo|chmod 777", text)
        if word in ("ENV", "ARG"):
            assert not re.search(r"(SECRET|TOKEN|PASSWORD|_URL)=", text)


@pytest.mark.parametrize("file", DOCKERFILES, ids=_name)
def test_what_is_copied_is_there_and_let_in(file: Path) -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for word, text in _instructions(file):
        if word == "COPY" and not text.startswith("--from"):
            for source in text.split()[:-1]:
                assert (ROOT / source).exists()
                assert source in let_in
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()


def test_the_action_image_has_neither_rasa_nor_tensorflow() -> None:
    text = (DOCKER / "actions.Dockerfile").read_text()
    assert re.findall(r"[a-z]+\.lock", text).count("actions.lock") >= 2
    assert "serve.lock" not in text
    locked = (ROOT / "requirements" / "actions.lock").read_text()
    assert not re.search(r"^(rasa|tensorflow)==", locked, re.MULTILINE)


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed here")
@pytest.mark.parametrize("file", DOCKERFILES, ids=_name)
def test_hadolint_finds_nothing(file: Path) -> None:
    done = subprocess.run(["hadolint", str(file)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# --- compose ------------------------------------------------------------------------------------------------------


def _compose(file: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("file", COMPOSE, ids=_name)
def test_a_compose_file_is_of_the_specifications_form(file: Path) -> None:
    schema = json.loads((SCHEMAS / "compose-spec.json").read_text())
    content = json.loads(json.dumps(_compose(file)))  # anchors are one object in several places
    content = {key: value for key, value in content.items() if not key.startswith("x-")}
    content.pop("name")  # younger than the schema
    for service in content["services"].values():
        limits = dict(service["deploy"]["resources"]["limits"])
        assert limits.pop("pids")  # likewise
        service["deploy"] = {"resources": {"limits": limits}}
    assert [error.message for error in Draft7Validator(schema).iter_errors(content)] == []


@pytest.mark.parametrize("file", COMPOSE, ids=_name)
def test_every_container_is_held_small(file: Path) -> None:
    content = _compose(file)
    for name, service in content["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        assert "privileged" not in service
        if service["restart"] != "no" and not service["image"].startswith("sparc-"):
            assert "healthcheck" in service, name  # ours have it in the image
        assert re.fullmatch(r"sparc-(chat|actions):\$\{VERSION:-latest\}|[a-z]+:\d+\.\d+[\w.-]*", service["image"])
        assert "ports" not in service or name == "proxy"


@pytest.mark.parametrize("file", COMPOSE, ids=_name)
def test_secrets_are_files_and_all_of_them_are_made(file: Path) -> None:
    content, made = _compose(file), (DOCKER / "make-secrets").read_text()
    for name, secret in content["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
        assert re.search(rf"^keep {name} ", made, re.MULTILINE)
    for service in content["services"].values():
        assert set(service.get("secrets", [])) <= set(content["secrets"])
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert value.removeprefix("/run/secrets/") in service["secrets"]
            assert not re.search(r"SECRET$|TOKEN$|PASSWORD$|DATABASE_URL$|REDIS_URL$", variable)


@pytest.mark.parametrize("file", COMPOSE, ids=_name)
def test_dependencies_and_networks_are_there(file: Path) -> None:
    content = _compose(file)
    for service in content["services"].values():
        assert set(service.get("depends_on", {})) <= set(content["services"])
        assert set(service.get("networks", [])) <= set(content["networks"])
    assert {name for name, network in content["networks"].items() if network.get("internal")} == {"inside", "front"}


def test_the_scripts_of_the_deployment_are_shell(tmp_path: Path) -> None:
    shutil.copy(DOCKER / "make-secrets", tmp_path)
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "make-secrets")], check=True, capture_output=True)
    from bot.config import Settings

    files = {
        f"SPARC_{name.upper().replace('-', '_')}_FILE": str(tmp_path / "secrets" / name)
        for name in ("webhook-secret", "action-token", "metrics-token", "alert-secret", "database-url", "redis-url")
    }
    settings = Settings.from_environment({**files, "SPARC_HOME": str(tmp_path)})
    assert settings.database_url.startswith("postgresql+asyncpg://sparc:")
    assert (settings.redis_url or "").endswith("@redis:6379/0")
    assert oct((tmp_path / "secrets").stat().st_mode)[-3:] == "700"
    assert len({(tmp_path / "secrets" / name).read_text() for name in os.listdir(tmp_path / "secrets")}) == 8


# --- settings of all files ----------------------------------------------------------------------------------------


def _settings_of_the_code() -> set[str]:
    found: set[str] = set()
    for folder in ("bot", "actions"):
        for file in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found |= set(re.findall(r"\ASPARC_[A-Z_]+\Z", node.value))
    return found


@pytest.mark.parametrize("file", [*DOCKERFILES, *COMPOSE, DOCKER / "kubernetes" / "settings.yml"], ids=_name)
def test_every_setting_named_is_one(file: Path) -> None:
    named = {name.removesuffix("_FILE") for name in re.findall(r"SPARC_[A-Z_]+", file.read_text())}
    assert named <= _settings_of_the_code()


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (DOCKER / "env.example").read_text(), re.MULTILINE))
    used = {name for file in COMPOSE for name in re.findall(r"\$\{([A-Z_]+)", file.read_text())}
    assert used == example


# --- Kubernetes ---------------------------------------------------------------------------------------------------


def _objects() -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in MANIFESTS:
        for content in yaml.safe_load_all(file.read_text(encoding="utf-8")):
            yield file, content


OBJECTS = [
    pytest.param(content, id=f"{file.name}: {content['kind']} {content['metadata']['name']}")
    for file, content in _objects()
]


@pytest.mark.parametrize("content", OBJECTS)
def test_a_manifest_is_of_its_kinds_form(content: dict[str, Any]) -> None:
    schemas = json.loads((SCHEMAS / "kubernetes-1.31.json").read_text())
    reference = {"$ref": f"#/definitions/{schemas['kinds'][content['kind']]}", "definitions": schemas["definitions"]}
    assert [error.message for error in Draft7Validator(reference).iter_errors(content)] == []


def test_the_schema_refuses_what_is_no_field() -> None:
    schemas = json.loads((SCHEMAS / "kubernetes-1.31.json").read_text())
    reference = {"$ref": f"#/definitions/{schemas['kinds']['Deployment']}", "definitions": schemas["definitions"]}
    wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": {"replicaz": 2}}
    assert list(Draft7Validator(reference).iter_errors(wrong))


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for _, content in _objects():
        spec = content.get("spec", {})
        if content["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if "template" in spec:
            yield content["metadata"]["name"], spec["template"]["spec"]


@pytest.mark.parametrize(("name", "pod"), list(_pods()), ids=[name for name, _ in _pods()])
def test_every_pod_is_held_small(name: str, pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert set(container["resources"]) == {"requests", "limits"}
    volumes = {volume["name"] for volume in pod["volumes"]} | {"data"}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    if name not in ("prepare", "backup"):
        assert {"readinessProbe", "livenessProbe"} <= set(container)


def test_services_find_their_pods_and_the_kustomization_its_files() -> None:
    labels = [
        content["spec"]["template"]["metadata"]["labels"]
        for _, content in _objects()
        if content["kind"] in ("Deployment", "StatefulSet")
    ]
    services = {content["metadata"]["name"]: content for _, content in _objects() if content["kind"] == "Service"}
    assert all(content["spec"]["selector"] in labels for content in services.values())
    assert set(services) == {"postgres", "redis", "actions", "chat"}
    listed = yaml.safe_load((DOCKER / "kubernetes" / "kustomization.yaml").read_text())["resources"]
    assert sorted(listed) == sorted(path.name for path in MANIFESTS)


# --- proxy, Prometheus, Grafana -----------------------------------------------------------------------------------


def test_the_proxy_keeps_what_is_the_operators_inside() -> None:
    text = (DOCKER / "caddy" / "Caddyfile").read_text()
    assert "@operators path /metrics /metrics/* /health /health/*" in text
    assert "respond @operators 404" in text
    assert text.count("{") == text.count("}")


def _metrics_of_the_code() -> set[str]:
    registry: CollectorRegistry = Metrics("chat", {"model": "m", "protocol": "p"}).registry
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "gauge": [""], "info": ["_info"]}
    names = set()
    for family in registry.collect():
        names |= {family.name + suffix for suffix in suffixes.get(family.type, [""])}
    return names


def _named(expression: str) -> set[str]:
    words = re.sub(r'"[^"]*"', '""', expression)
    words = re.sub(r"\b(by|without)\s*\([^)]*\)", "", words)
    words = re.sub(r"\{[^}]*\}", "", words)
    return set(re.findall(r"\b(?:sparc|process|python)_[a-z_]+", words))


def test_every_metric_of_the_dashboard_is_measured_and_every_one_of_ours_is_shown() -> None:
    dashboard = json.loads((DOCKER / "grafana" / "sparc.json").read_text())
    panels = dashboard["panels"]
    shown = {name for panel in panels for target in panel["targets"] for name in _named(target["expr"])}
    assert shown <= _metrics_of_the_code()
    ours = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in _metrics_of_the_code() if "sparc_" in name}
    assert ours == {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in shown if "sparc_" in name}
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_every_metric_of_an_alert_is_measured() -> None:
    groups = yaml.safe_load((DOCKER / "prometheus" / "alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert all(_named(rule["expr"]) <= _metrics_of_the_code() for rule in rules)
    assert all(set(rule) == {"alert", "expr", "for", "labels", "annotations"} for rule in rules)


def test_the_labels_of_the_dashboard_and_the_alerts_are_those_of_the_metrics() -> None:
    metrics = Metrics("chat", {"model": "m", "protocol": "p"})
    known = {"le", "instance", "job", "server", "model", "protocol"}
    for metric in vars(metrics).values():
        known |= set(getattr(metric, "_labelnames", ()))
    texts = [(DOCKER / "grafana" / "sparc.json").read_text(), (DOCKER / "prometheus" / "alerts.yml").read_text()]
    for text in texts:
        for labels in re.findall(r"\bby \(([^)]*)\)", text):
            assert {label.strip() for label in labels.split(",")} <= known


def test_prometheus_collects_both_kinds_of_servers_with_the_token() -> None:
    (job,) = yaml.safe_load((DOCKER / "prometheus" / "prometheus.yml").read_text())["scrape_configs"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics-token"
    services = _compose(DOCKER / "compose.several.yml")["services"]
    assert all(target.split(":")[0] in services for config in job["static_configs"] for target in config["targets"])
