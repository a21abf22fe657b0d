"""deploy/compose.yaml names nothing that it does not have."""

import re
from pathlib import Path

import yaml

from bench.hosts.stage.deployment import HOSTS, MAPS

FILE = yaml.safe_load(Path("deploy/compose.yaml").read_text())
SERVICES = FILE["services"]


def words_of(service):
    given = [service.get("command", []), service.get("entrypoint", []), service.get("environment")]
    return " ".join(str(part) for part in given)


def test_all_servers_that_a_service_asks_are_services():
    for name, service in SERVICES.items():
        asked = re.findall(r"(?:redis|spark|https?)://([\w-]+):", words_of(service))
        assert set(asked) <= SERVICES.keys(), name
        assert set(service.get("depends_on", [])) <= SERVICES.keys(), name


def test_volumes_secrets_and_files_are_there():
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            known = source in FILE["volumes"]
            assert known or source.startswith("../artifacts") or Path("deploy", source).exists(), (
                name
            )
        assert set(service.get("secrets", [])) <= FILE["secrets"].keys(), name
        if "build" in service:
            assert Path(service["build"]["dockerfile"]).is_file(), name


def test_no_two_services_take_one_port_of_the_machine():
    taken = [port for s in SERVICES.values() for port in s.get("ports", [])]
    outside = [port.rpartition(":")[0] for port in taken]
    assert len(set(outside)) == len(outside)
    assert all(port.startswith("127.0.0.1:") for port in outside)


def test_who_is_asked_to_be_well_says_whether_it_is():
    for service in SERVICES.values():
        needed = service.get("depends_on", {})
        for other in needed if isinstance(needed, dict) else ():
            assert "test" in SERVICES[other]["healthcheck"], other


def test_each_host_has_bundles_of_its_own_and_something_that_brings_them():
    folders = []
    for host, pull in HOSTS.items():
        artifacts = SERVICES[pull]["volumes"][0]
        assert artifacts in SERVICES[host]["volumes"]
        assert SERVICES[host]["command"][0] == "live"
        assert MAPS in SERVICES[host]["command"]
        folders.append(artifacts)
    assert len(set(folders)) == len(HOSTS) == 3


def test_grafana_opens_on_the_dashboard_and_asks_a_service_that_is_there():
    grafana = SERVICES["grafana"]
    mounted = {mount.split(":")[1]: mount.split(":")[0] for mount in grafana["volumes"]}
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert mounted[home] == "./grafana/marquee.json"
    [provider] = yaml.safe_load(Path("deploy/grafana/dashboards.yaml").read_text())["providers"]
    assert home.startswith(provider["options"]["path"])
    [source] = yaml.safe_load(Path("deploy/grafana/datasources.yaml").read_text())["datasources"]
    name, port = re.findall(r"http://([\w-]+):(\d+)", source["url"])[0]
    assert SERVICES[name]["ports"][0].endswith(f":{port}")
    scraped = yaml.safe_load(Path("deploy/prometheus.yaml").read_text())["scrape_configs"]
    targets = [target for one in scraped for target in one["static_configs"][0]["targets"]]
    assert {target.split(":")[0] for target in targets} <= SERVICES.keys()
