"""What the Helm chart promises, as helm renders it and Kubernetes' own schemas judge it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sendoff_cli.processes import worker_processes
from sendoff_config.loading import load_settings
from support.helm import CHART, KUBERNETES, SERVERS, Manifest, faults_of, of_kind, render, run_helm, write_values

EVERYTHING: dict[str, Any] = {
    "ingress": {"enabled": True, "hosts": ["sendoff.example"], "className": "nginx", "tls": [{"secretName": "tls"}]},
    "networkPolicy": {"enabled": True, "from": [{"podSelector": {}}]},
    "serviceMonitor": {"enabled": True, "keySecret": {"name": "viewer", "key": "token"}},
    "autoscaling": {"enabled": True},
    "extraEnv": [{"name": "SENDOFF_LOGGING__LEVEL", "value": "debug"}],
    "image": {"pullSecrets": [{"name": "registry"}]},
    "tolerations": [{"key": "messages", "operator": "Exists"}],
    "podAnnotations": {"team": "messages"},
}
#: The kinds of others, for which Kubernetes has no schema.
FOREIGN = {"ScaledObject", "ServiceMonitor"}


@pytest.fixture
def manifests(tmp_path: Path) -> list[Manifest]:
    """What comes of the defaults and the addresses of servers."""
    return render(tmp_path)


def pod_of(manifest: Manifest) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("values", [{}, EVERYTHING, {"secret": {"existing": "ours"}, "migration": {"enabled": False}}])
def test_helm_finds_nothing_to_say(tmp_path: Path, values: dict[str, Any]) -> None:
    done = run_helm("lint", "--strict", str(CHART), *write_values(tmp_path, SERVERS, values))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_kubernetes_accepts_every_manifest(tmp_path: Path, values: dict[str, Any], kubernetes: str) -> None:
    found = render(tmp_path, values, kubernetes=kubernetes)
    own = [manifest for manifest in found if manifest["kind"] not in FOREIGN]
    assert len(found) - len(own) == (2 if values else 0)
    assert faults_of(own, tmp_path, kubernetes) == ""


def test_a_field_that_kubernetes_does_not_know_is_a_fault(tmp_path: Path, manifests: list[Manifest]) -> None:
    pod_of(of_kind(manifests, "Deployment"))["terminationGracePeriod"] = 1
    assert "terminationGracePeriod" in faults_of(manifests, tmp_path, KUBERNETES[-1])


def test_its_config_and_secret_are_settings_of_ours(tmp_path: Path, manifests: list[Manifest]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(of_kind(manifests, "ConfigMap")["data"]["config.yaml"], encoding="utf-8")
    settings = load_settings(path, of_kind(manifests, "Secret")["stringData"])
    assert settings.postgres.url == SERVERS["secret"]["postgresUrl"]
    assert (settings.http.host, settings.http.open) == ("0.0.0.0", "never")
    grace = pod_of(of_kind(manifests, "Deployment"))["terminationGracePeriodSeconds"]
    patience = max(process.patience for process in worker_processes(settings, {}))
    assert grace >= patience + settings.http.shutdown_delay.total_seconds()
    readiness = pod_of(of_kind(manifests, "Deployment"))["containers"][0]["readinessProbe"]
    noticed = readiness["periodSeconds"] * readiness["failureThreshold"]
    assert settings.http.shutdown_delay.total_seconds() > noticed


def test_the_own_service_is_never_a_webhook(tmp_path: Path) -> None:
    found = render(tmp_path, {"config": {"security": {"ownServers": ["grafana:3000"], "allowedPorts": [443]}}})
    security = yaml.safe_load(of_kind(found, "ConfigMap")["data"]["config.yaml"])["security"]
    assert {"grafana:3000", "sendoff:8080", "sendoff.messages.svc:8080"} <= set(security["ownServers"])
    assert security["allowedPorts"] == [443]


def test_keys_arrive_as_they_were_given(tmp_path: Path) -> None:
    keys = [{"name": 'it\'s "me"', "secret": "a-secret-of-sixteen", "role": "viewer"}]
    secret = of_kind(render(tmp_path, {"secret": {"apiKeys": keys}}), "Secret")["stringData"]
    assert json.loads(secret["SENDOFF_HTTP__API_KEYS"]) == keys


@pytest.mark.parametrize("kind", ["Deployment", "Job"])
def test_no_container_may_do_anything_but_write_to_its_tmp(manifests: list[Manifest], kind: str) -> None:
    (pod,) = (pod_of(manifest) for manifest in manifests if manifest["kind"] == kind)
    (container,) = pod["containers"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/tmp"]
    (tmp,) = (volume for volume in pod["volumes"] if volume["name"] == "tmp")
    assert tmp["emptyDir"]["medium"] == "Memory"


def test_the_probes_ask_what_the_api_answers(manifests: list[Manifest]) -> None:
    (container,) = pod_of(of_kind(manifests, "Deployment"))["containers"]
    asked = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert asked == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}


def test_the_migration_goes_first_and_past_the_pooler(tmp_path: Path) -> None:
    straight = "postgresql://sendoff:secret@postgres:5432/sendoff"
    found = render(tmp_path, {"secret": {"migrationUrl": straight}})
    (job,) = (manifest for manifest in found if manifest["kind"] == "Job")
    hooks = {m["kind"]: m for m in found if "helm.sh/hook" in m["metadata"].get("annotations", {})}
    assert set(hooks) == {"Job", "Secret", "ConfigMap", "ServiceAccount"}
    weights = {kind: int(hook["metadata"]["annotations"]["helm.sh/hook-weight"]) for kind, hook in hooks.items()}
    assert weights.pop("Job") > max(weights.values())
    (container,) = pod_of(job)["containers"]
    reference = container["env"][0]["valueFrom"]["secretKeyRef"]
    assert hooks["Secret"]["metadata"]["name"] == reference["name"]
    assert hooks["Secret"]["stringData"][reference["key"]] == straight
    assert reference["optional"] is True
    assert container["command"][:2] == ["sendoff", "migrate"]


def test_what_selects_pods_finds_instances_and_no_migration(manifests: list[Manifest]) -> None:
    selector = of_kind(manifests, "Service")["spec"]["selector"]
    (job,) = (manifest for manifest in manifests if manifest["kind"] == "Job")
    labels = [m["spec"]["template"]["metadata"]["labels"] for m in (of_kind(manifests, "Deployment"), job)]
    assert [selector.items() <= found.items() for found in labels] == [True, False]
    budget = of_kind(manifests, "PodDisruptionBudget")["spec"]
    assert (budget["selector"]["matchLabels"], budget["maxUnavailable"]) == (selector, 1)


def test_another_secret_or_setting_is_a_new_version(tmp_path: Path) -> None:
    def version(**values: Any) -> Any:
        return of_kind(render(tmp_path, values), "Deployment")["spec"]["template"]["metadata"]["annotations"]

    assert version() == version(replicas=5)
    assert version() != version(secret={"natsUrl": "nats://other:4222"})
    assert version() != version(config={"scheduler": {"batchSize": 7}})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"secret": {"postgresUrl": ""}}, "secret.postgresUrl is missing"),
        ({"replica": 3}, "replica"),
        ({"replicas": "three"}, "replicas"),
        ({"ingress": {"enabled": True}}, "ingress.hosts is empty"),
        ({"serviceMonitor": {"enabled": True}}, "serviceMonitor.keySecret.name is missing"),
        ({"autoscaling": {"enabled": True, "min": 9, "max": 3}}, "autoscaling.min"),
        ({"autoscaling": {"target": 7}}, "target"),
    ],
)
def test_values_that_make_no_sense_are_refused(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    given = write_values(tmp_path, SERVERS, values)
    done = run_helm("template", "sendoff", str(CHART), "--kube-version", KUBERNETES[-1], *given)
    assert done.returncode != 0
    assert told in done.stderr


def test_every_value_is_told() -> None:
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    given = yaml.safe_load("\n".join(lines))
    assert set(given) == set(schema["properties"]) - {"global"}
    assert all(len(line) <= 120 for line in lines)
