#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""bleproxy explain."""
import re
import subprocess
import sys

from support import BLEPROXY, environment, main, run

KEYS = ["code", "connection_reason", "gatt_status", "pairing_reason"]


def explain(*arguments):
    objects = run("explain", "--json", *arguments).expect(0).objects()
    assert all(list(known) == KEYS for known in objects)
    return objects


def test_a_number_means_different_things():
    known = explain("8")[0]
    assert known["code"] == 8
    assert known["connection_reason"]["name"] == "CONN_TIMEOUT"
    assert known["gatt_status"]["name"] == "INSUFFICIENT_AUTHORIZATION"
    assert known["pairing_reason"]["name"] == "UNSPECIFIED_REASON"
    for key in KEYS[1:]:
        assert list(known[key]) == ["name", "meaning", "advice"] and all(known[key].values())


def test_text_has_all_meanings_with_advice():
    text = run("explain", "0x13").expect(0).out
    assert text.startswith("19 (0x13)\n")
    assert "  connection reason TERMINATE_PEER_USER\n    the device hung up\n    try: " in text
    assert "  GATT status VALUE_NOT_ALLOWED\n" in text and "pairing" not in text.splitlines()[0]
    assert len(re.findall(r"^    try: .", text, re.M)) == len(re.findall(r"^  \w", text, re.M)) == 2


def test_decimal_hexadecimal_and_negative_numbers():
    assert explain("62") == explain("0x3e") == explain("0X3E")
    assert explain("010")[0]["code"] == 10
    assert explain("-1")[0]["gatt_status"]["name"] == "NOT_CONNECTED"
    assert explain("--", "-1") == explain("--gatt", "-1", "--connection", "--pairing") == explain("-1")
    assert run("explain", "-1").expect(0).out.startswith("-1\n")


def test_one_meaning_only():
    known = explain("--gatt", "8")[0]
    assert known["connection_reason"] is None and known["pairing_reason"] is None
    assert known["gatt_status"]["name"] == "INSUFFICIENT_AUTHORIZATION"
    assert explain("--connection", "0x3e")[0]["connection_reason"]["name"] == "FAIL_ESTABLISH"
    assert explain("--pairing", "97")[0]["pairing_reason"]["name"] == "ENCRYPTION_FAILED"
    run("explain", "--gatt", "0x3e").expect(5, "0x3e")


def test_names_also_as_esp_idf_spells_them():
    known = explain("conn_timeout")[0]
    assert known["code"] == 8 and known["gatt_status"] is None and known["pairing_reason"] is None
    assert explain("ESP_GATT_CONN_TIMEOUT")[0] == known
    assert explain("ESP_GATT_CONN_FAIL_ESTABLISH")[0]["code"] == 0x3e
    assert explain("ESP_GATT_CONN_CONN_CANCEL")[0]["code"] == 0x100
    assert explain("ESP_GATT_ERROR")[0]["gatt_status"]["name"] == "ERROR"
    assert [known["code"] for known in explain("PASSKEY_ENTRY_FAILED")] == [1, 78]


def test_what_is_not_known():
    for code in ("4711", "0x7fffffff", "-99", "NO_SUCH_CODE", ""):
        result = run("explain", code).expect(5, f"'{code}'")
        assert result.out == "" and result.error.count("\n") == 1


def test_output_that_cannot_be_written():
    for redirection in (">/dev/full", ">&-"):
        result = subprocess.run(["sh", "-c", f'exec "$0" "$@" {redirection}', BLEPROXY, "explain", "8"],
                                capture_output=True, env=environment(), check=False)
        assert result.returncode == 1 and b"cannot write to standard output" in result.stderr, result


def test_wrong_usage():
    run("explain").expect(2, "CODE")
    run("explain", "1", "2").expect(2, "CODE")
    run("explain", "-1", "2").expect(2, "CODE")
    run("explain", "1x").expect(2, "1x")
    run("explain", "0x").expect(2, "0x")
    run("explain", "99999999999").expect(2, "32 bits")
    run("explain", "--proxy", "a", "1").expect(2, "--proxy")
    run("explain", "-p").expect(2, "-p")


def test_the_manual_has_every_option():
    with open(sys.argv[2], encoding="utf-8") as file:
        manual = file.read()
    options = re.findall(r"--([a-z-]+)", run("help", "explain").expect(0).out)
    assert "gatt" in options and not [option for option in options if f"Fl Fl {option}" not in manual]


main(globals())
