# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of the package on a Debian system, as its operator sees it. Runs in the guest of tests/debian-system/run."""

import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tests" / "lab"))

import running  # noqa: E402
import settings  # noqa: E402
from lab.namespaces import wait_until  # noqa: E402
from lab.scene import hang_up  # noqa: E402
from machine import CONFIG, SystemLab, SystemScene, files_of_the_system, journal, unit_property, write_operators_firewall  # noqa: E402
from story import Story  # noqa: E402

TABLE = "nft list table inet messenger_alg"


def the_system(story, lab, state):
    """A Debian gateway, as it comes"""
    story.run("cat /etc/debian_version; uname -r")
    write_operators_firewall()
    story.run("systemctl enable --now nftables.service", show=False)
    story.run("nft list chain inet filter forward")
    state["files"] = files_of_the_system()
    state["tables"] = story.run("nft list ruleset", show=False)[1]


def installation(story, lab, state):
    """The package is installed: nothing runs yet, and nothing has changed"""
    status, _ = story.run(f"apt-get install -y --no-install-recommends {HERE}/messenger-alg.deb")
    story.check("apt installs it", status == 0)
    story.run("dpkg -L messenger-alg | grep -v '/$' | xargs -d '\\n' ls -ld | grep -v ^d | awk '{print $5, $9}'")
    story.check("the service is not enabled", unit_property("UnitFileState") == "disabled")
    story.check("the service does not run", unit_property("ActiveState") == "inactive")
    story.check("the ruleset is as it was", story.run("nft list ruleset", show=False)[1] == state["tables"])
    story.check("the service has a user of its own", story.run("id messenger-alg")[0] == 0)
    story.check("the pages about firewalls are there as they name each other",
                (Path("/usr/share/doc/messenger-alg/recipes") / "when-calls-fail.md").is_file())


def without_configuration(story, lab, state):
    """Started without a word in the configuration, it says what is missing and leaves everything alone"""
    story.check("the start fails", story.run("systemctl start messenger-alg")[0] != 0)
    said = story.run("journalctl -u messenger-alg -o cat --no-pager | grep messenger-alg.toml")[1]
    story.check("the journal says what to set", "network.inside" in said or "nothing is inside" in said)
    time.sleep(1)
    story.check("systemd does not try again", unit_property("NRestarts") == "0" and unit_property("ActiveState") == "failed")
    story.check("the status is that of a wrong configuration", unit_property("ExecMainStatus") == "78")
    story.check("the ruleset is as it was", story.run("nft list ruleset", show=False)[1] == state["tables"])


def configuration(story, lab, state):
    """One line is edited, the service is started"""
    line = 'inside = ["10.1.2.0/24", "2001:db8:1::/64"]'
    story.run(f"sed -i 's|^#inside = .*|{line}|' {CONFIG}")
    story.run(f"grep -n ^inside {CONFIG}")
    story.check("the configuration is good", story.run(f"messenger-algd --check-config {CONFIG}")[0] == 0)
    status, _ = story.run("systemctl enable --now messenger-alg")
    story.check("it starts", status == 0 and unit_property("ActiveState") == "active", journal())
    story.run("systemctl status --no-pager -n 20 messenger-alg")


def removal(story, lab, state):
    """The package is removed: daemon and table are gone, the firewall is as it was"""
    status, _ = story.run("apt-get remove -y messenger-alg")
    story.check("apt removes it", status == 0)
    story.check("no table is left", story.run(TABLE)[0] != 0)
    story.check("no process is left", story.run("pgrep -x messenger-algd", show=False)[0] != 0)
    story.check("the ruleset is what it was before the installation", story.run("nft list ruleset", show=False)[1] == state["tables"])
    story.check("the configuration is kept", CONFIG.is_file())


def purge(story, lab, state):
    """The package is purged: no file is left"""
    status, _ = story.run("apt-get purge -y messenger-alg")
    story.check("apt purges it", status == 0)
    left = sorted(path for path in files_of_the_system() - state["files"] if "messenger" in path)
    story.check("no file is left", not left, "\n".join(left))
    owned = story.run("find / -xdev -user messenger-alg", show=False)[1]
    story.check("the user owns nothing", not owned.strip(), owned)
    again, _ = story.run(f"apt-get install -y --no-install-recommends {HERE}/messenger-alg.deb", show=False)
    story.check("it can be installed again, and is as new", again == 0 and unit_property("ActiveState") == "inactive")


def rpm(story, lab, state):
    """The rpm: installed, started, removed. (Debian's packages are not in rpm's database, so nothing is asked of it)"""
    package = HERE / "messenger-alg.rpm"
    if not package.exists():
        story.note("left out: there was none in build/packages; packaging/build-rpm makes it")
        return
    story.run("apt-get purge -y messenger-alg; userdel messenger-alg", show=False)
    files = files_of_the_system()
    story.check("rpm installs it", story.run(f"rpm --force-debian --nodeps -ivh {package}")[0] == 0)
    story.run("rpm -V --nodeps messenger-alg")
    story.check("the service has a user of its own", story.run("id messenger-alg")[0] == 0)
    story.check("the service does not run", unit_property("ActiveState") == "inactive")
    configuration(story, lab, state)
    with SystemScene(lab) as scene:
        call, callee, media = scene.call(40018, 50018)
        story.holds("media passes both ways", media.assert_passes)
        pid = unit_property("MainPID")
        story.check("rpm installs it anew", story.run(f"rpm --force-debian --nodeps -Uvh --replacepkgs {package}")[0] == 0)
        story.check("it is a new process", unit_property("MainPID") != pid and unit_property("ActiveState") == "active")
        story.holds("the call goes on", media.assert_passes)
        hang_up(call, callee)
        story.holds("the BYE closes", scene.wait_closed)
    story.check("rpm removes it", story.run("rpm --force-debian --nodeps -e messenger-alg")[0] == 0)
    story.check("no table is left", story.run(TABLE)[0] != 0)
    story.check("no process is left", story.run("pgrep -x messenger-algd", show=False)[0] != 0)
    left = sorted(path for path in files_of_the_system() - files if "messenger" in path)
    story.check("of the files only the edited configuration is left, under another name",
                left == ["/etc/messenger-alg", f"{CONFIG}.rpmsave"], "\n".join(left))


def run_lab(story):
    """The lab's own tests on this kernel, which has the native queue statement"""
    story.chapter(run_lab.__doc__)
    chosen = " ".join(f"test_{name}.py" for name in ("lab_itself", "admission", "calls", "changes", "other_traffic",
                                                       "survival", "passage_mark"))
    results = HERE / "lab.xml"
    # A set of a million elements takes nft longer to fill than all the rest, where the processor is emulated.
    # The programs are where the lab looks for a build.
    build = HERE / "build" / "daemon"
    build.mkdir(parents=True, exist_ok=True)
    (build / "messenger-algd").symlink_to("/usr/sbin/messenger-algd")
    command = (f"cd {HERE}/tests/lab && MESSENGER_BUILD={HERE}/build python3 -m pytest -q -p no:cacheprovider --tb=short "
               f"--junit-xml {results} -k 'not the_set_is_full' {chosen}")
    status, output = story.run(command, show=False, seconds=2400)
    story.note("\n".join(output.splitlines()[-60:]))
    words = output.strip().splitlines()[-1].split()
    counts = {name.strip(",").rstrip("s"): int(number) for number, name in zip(words, words[1:]) if number.isdigit()}
    story.passed += counts.get("passed", 0)
    for _ in range(counts.get("failed", 0) + counts.get("error", 0)):
        story.failed.append("a test of the lab, see above")
    if status and not counts.get("failed") and not counts.get("error"):
        story.check("the lab's tests run", False, output[-2000:])


def main():
    story = Story()
    state = {}
    print("messenger-alg: the life of the package on a Debian system")
    try:
        wait_until(lambda: subprocess.run(["systemctl", "is-system-running", "--quiet"]).returncode == 0
                   or time.monotonic() > 120, 180, "the system to be up", 1)
        with SystemLab() as lab:
            chapters = [the_system, installation, without_configuration, configuration, *running.CHAPTERS,
                        *settings.CHAPTERS, running.nothing_left_open, removal, purge, rpm]
            story.tell(chapters, lab, state, on_failure=lambda: "\n".join(journal().splitlines()[-40:]))
        if (HERE / "with-lab").exists():
            # Where there was an rpm, it is the last that has been removed.
            story.run(f"apt-get install -y --no-install-recommends {HERE}/messenger-alg.deb", show=False)
            story.run("systemctl disable --now nftables messenger-alg; nft flush ruleset", show=False)
            run_lab(story)
    except BaseException:  # noqa: BLE001: what happened must reach the transcript, the machine is switched off after this
        traceback.print_exc(file=sys.stdout)
        story.failed.append("the test came to its end")
    print()
    print(story.summary(), flush=True)


if __name__ == "__main__":
    main()
