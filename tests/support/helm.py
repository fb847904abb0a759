"""The Helm chart as helm renders it, and Kubernetes' schemas to hold it to."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from support.debian import missing
from support.layout import ROOT

CHART = ROOT / "deploy" / "helm" / "sendoff"
#: The oldest and the newest Kubernetes that the chart is held to.
KUBERNETES = ("1.27", "1.37")
#: What an installation has to say at least.
SERVERS = {
    "secret": {
        "postgresUrl": "postgresql://sendoff:secret@pooler:6432/sendoff",
        "brokerUrl": "redis://:secret@redis:6379/0",
        "cacheUrl": "redis://:secret@redis:6379/1",
        "natsUrl": "nats://sendoff:secret@nats:4222",
    }
}
#: Without the package that jsonschema asks for a format that no schema of Kubernetes has: that takes two seconds.
_VALIDATE = """
import sys
sys.modules["rfc3987_syntax"] = None
from kubernetes_validate.__main__ import main
sys.exit(main())
"""
Values = Mapping[str, Any]
Manifest = dict[str, Any]


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What helm says; without a helm the test is skipped, or fails where CI is set."""
    fetched = ROOT / ".venv" / "bin" / "helm"
    program = str(fetched) if fetched.exists() else shutil.which("helm")
    if program is None:
        missing("NOT TESTED: helm is missing; make .venv/.helm fetches it, for Linux on x86-64")
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60)


def write_values(folder: Path, *layers: Values) -> list[str]:
    """The arguments that give helm those values, each laid over those before."""
    arguments = []
    for index, layer in enumerate(layers):
        path = folder / f"values-{index}.yaml"
        path.write_text(yaml.safe_dump(dict(layer)), encoding="utf-8")
        arguments += ["--values", str(path)]
    return arguments


def render(folder: Path, *layers: Values, kubernetes: str = KUBERNETES[-1]) -> list[Manifest]:
    """Every manifest of an installation with those values; fails with helm's words if there is none."""
    given = write_values(folder, SERVERS, *layers)
    done = run_helm("template", "sendoff", str(CHART), "--namespace", "messages", "--kube-version", kubernetes, *given)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def faults_of(manifests: list[Manifest], folder: Path, kubernetes: str) -> str:
    """What Kubernetes would not accept, unknown fields included; empty if there is nothing."""
    path = folder / "manifests.yaml"
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")
    tools = ROOT / ".venv" / "tools" / "bin"
    if not (tools / "kubernetes-validate").exists():
        missing("NOT TESTED: kubernetes-validate is missing; make .venv/.tools installs it")
    options = ["--strict", "--kubernetes-version", kubernetes, "--quiet", str(path)]
    done = subprocess.run([tools / "python", "-c", _VALIDATE, *options], capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr if done.returncode else ""


def of_kind(manifests: list[Manifest], kind: str) -> Manifest:
    """The one of that kind that is no hook."""
    (found,) = (
        manifest
        for manifest in manifests
        if manifest["kind"] == kind and "helm.sh/hook" not in manifest["metadata"].get("annotations", {})
    )
    return found
