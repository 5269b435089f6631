# SPDX-License-Identifier: MIT
"""What the virtual devices that can be connected to are expected to have: bleproxy(1) tells what they do."""

BASE = "0000{}-0000-1000-8000-00805f9b34fb"
UART = "6e40{}-b5a3-f393-e0a9-e50e24dcca9e"
OWN = "5f1e{}-7b0a-4c6d-9e21-3d8a60c4b517"

UART_INPUT, UART_OUTPUT, UART_STORE, UART_BURST = (UART.format(f"000{n}") for n in range(2, 6))
LOCK_STATE, LOCK_NAME = OWN.format("0011"), OWN.format("0012")
QUITTER_VALUE, QUITTER_FAIL, QUITTER_HANG_UP = (OWN.format(f"002{n}") for n in range(1, 4))
MUTE_VALUE = OWN.format("0031")
TEMPERATURE = BASE.format("2a6e")


def full(uuid):
    """A UUID of any length in full."""
    if len(uuid) == 4:
        return BASE.format(uuid)
    return f"{uuid}-0000-1000-8000-00805f9b34fb" if len(uuid) == 8 else uuid


def characteristic(uuid, properties, *descriptors):
    return full(uuid), set(properties.split()), [full(descriptor) for descriptor in descriptors]


def service(uuid, *characteristics):
    return full(uuid), [characteristic(*one) for one in characteristics]


GENERIC = [
    service("1800", ("2a00", "read"), ("2a01", "read"), ("2a04", "read")),
    service("1801", ("2a05", "indicate", "2902")),
]
INFORMATION = service("180a", *((uuid, "read") for uuid in ("2a29", "2a24", "2a25", "2a27", "2a26")))


def floor(uuid, number, *more):
    return service(
        uuid,
        (f"ff{number:02}", "read notify", "2902", "2901"),
        (f"700000{number:02}", "read write"),
        (OWN.format(f"10{number:02}"), "write write-without-response"),
        (OWN.format(f"20{number:02}"), "read indicate", "2902"),
        *more,
    )


# A list of (service, [(characteristic, properties, [descriptor])]) for each name, and the largest MTU.
DATABASES = {
    "Virtual Battery": (247, [*GENERIC, service("180f", ("2a19", "read notify", "2902")), INFORMATION]),
    "Virtual Heart": (
        65,
        [
            *GENERIC,
            service("180d", ("2a37", "notify", "2902"), ("2a38", "read"), ("2a39", "write")),
            INFORMATION,
        ],
    ),
    "Virtual UART": (
        517,
        [
            *GENERIC,
            service(
                UART.format("0001"),
                (UART_INPUT, "write write-without-response"),
                (UART_OUTPUT, "notify", "2902"),
                (UART_STORE, "read write write-without-response", "2901"),
                (UART_BURST, "write notify", "2902", "2901"),
            ),
        ],
    ),
    "Virtual Lock": (
        23,
        [*GENERIC, service(OWN.format("0010"), (LOCK_STATE, "read write notify", "2902"), (LOCK_NAME, "read"))],
    ),
    "Virtual Tower": (
        185,
        [
            *GENERIC,
            floor("fff1", 1, (TEMPERATURE, "read")),
            floor("7fff0002", 2, (TEMPERATURE, "read")),
            *(floor(OWN.format(f"30{number:02}"), number) for number in range(3, 15)),
        ],
    ),
}
