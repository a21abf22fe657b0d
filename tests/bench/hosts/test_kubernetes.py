"""deploy/kubernetes fits Kubernetes' schemas, and names nothing that it does not have. 2 s."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

ROOT = Path("deploy/kubernetes")
BASE, EXAMPLE = (
    yaml.safe_load((ROOT / name / "kustomization.yaml").read_text()) for name in ("base", "example")
)
VERSION = "1.33"
FILES = {
    name: [one for one in yaml.safe_load_all((ROOT / name).read_text()) if one]
    for name in [*(f"base/{file}" for file in BASE["resources"]), "example/namespace.yaml"]
}
OBJECTS = [one for objects in FILES.values() for one in objects]
SET = {name.partition("=")[0] for name in EXAMPLE["configMapGenerator"][0]["literals"]}


def pods():
    """Name of whatever makes pods → what they are like."""
    for one in OBJECTS:
        spec = one.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", spec).get("template")
        if template is not None:
            yield one["metadata"]["name"], template


PODS = dict(pods())


@pytest.mark.parametrize("name", FILES)
def test_every_object_fits_its_schema(name):
    for one in FILES[name]:
        kubernetes_validate.validate(one, VERSION, strict=True)


def test_a_misspelt_field_does_not_fit():
    wrong = yaml.safe_load((ROOT / "base/maps.yaml").read_text().partition("---")[2])
    wrong["spec"]["replica"] = wrong["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSION, strict=True)


def test_all_files_are_listed_and_all_that_is_listed_is_there():
    listed = {f"base/{name}" for name in BASE["resources"]}
    there = {f"base/{file.name}" for file in (ROOT / "base").glob("*.yaml")}
    assert there == listed | {"base/kustomization.yaml"}
    assert all((ROOT / "example" / name).exists() for name in EXAMPLE["resources"])


def test_services_budgets_and_scalers_lead_to_pods():
    labels = {name: pod["metadata"]["labels"] for name, pod in PODS.items()}
    for one in OBJECTS:
        spec, name = one.get("spec", {}), one["metadata"]["name"]
        if one["kind"] in ("Service", "PodDisruptionBudget"):
            wanted = spec["selector"].get("matchLabels", spec["selector"])
            assert wanted.items() <= labels[name].items()
        if one["kind"] == "Service":
            containers = PODS[name]["spec"]["containers"]
            ports = {port["name"] for one in containers for port in one.get("ports", [])}
            assert {port["targetPort"] for port in spec["ports"]} <= ports
        if one["kind"] == "HorizontalPodAutoscaler":
            assert spec["scaleTargetRef"]["name"] in PODS
            asked = {m["containerResource"]["container"] for m in spec["metrics"]}
            assert asked <= {c["name"] for c in PODS[name]["spec"]["containers"]}


@pytest.mark.parametrize("name", PODS)
def test_pods_have_what_they_mount_and_read_and_may_do_little(name):
    spec = PODS[name]["spec"]
    claims = {one["metadata"]["name"] for one in OBJECTS if one["kind"].endswith("VolumeClaim")}
    own = {v["name"] for v in spec.get("volumes", [])}
    asked = {v["persistentVolumeClaim"]["claimName"] for v in spec.get("volumes", []) if
             "persistentVolumeClaim" in v}  # fmt: off
    assert asked <= claims
    made = next(one for one in OBJECTS if one["metadata"]["name"] == name and "spec" in one
                and one["kind"] not in ("Service",))  # fmt: off
    own |= {c["metadata"]["name"] for c in made["spec"].get("volumeClaimTemplates", [])}
    for container in (*spec["containers"], *spec.get("initContainers", [])):
        assert {mount["name"] for mount in container.get("volumeMounts", [])} <= own
        words = " ".join(container.get("args", []))
        for setting in {word[2:-1] for word in words.split() if word.startswith("$(")}:
            assert setting in SET
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["image"] in ("redis:7", *(one["name"] for one in EXAMPLE["images"]))
    assert spec["securityContext"]["runAsNonRoot"]
