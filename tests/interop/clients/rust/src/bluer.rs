// SPDX-License-Identifier: MIT
//! A program that uses bluer.

mod journey;

use bluer::gatt::remote::{Characteristic, CharacteristicWriteRequest};
use bluer::gatt::WriteOp;
use bluer::{Adapter, Device, DeviceEvent, DeviceProperty, DiscoveryFilter, DiscoveryTransport};
use futures::{pin_mut, StreamExt};
use journey::*;
use serde_json::{json, Value};
use std::collections::HashSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

async fn look(adapter: &Adapter, name: Option<&str>, services: &[Uuid]) -> Outcome<Device> {
    let filter = DiscoveryFilter {
        uuids: services.iter().copied().collect::<HashSet<_>>(),
        transport: DiscoveryTransport::Le,
        ..Default::default()
    };
    // The end of the discovery before takes a while.
    while let Err(error) = adapter.set_discovery_filter(filter.clone()).await {
        if error.kind != bluer::ErrorKind::DiscoveryActive {
            return Err(error.into());
        }
        sleep(SHORT_PAUSE).await;
    }
    let events = adapter.discover_devices_with_changes().await?;
    pin_mut!(events);
    while let Some(event) = events.next().await {
        let bluer::AdapterEvent::DeviceAdded(address) = event else { continue };
        let device = adapter.device(address)?;
        let uuids = device.uuids().await?.unwrap_or_default();
        let named = match name {
            Some(name) => device.name().await?.as_deref() == Some(name),
            None => true,
        };
        if named && services.iter().all(|service| uuids.contains(service)) {
            return Ok(device);
        }
    }
    Err("the discovery has ended".into())
}

async fn find(adapter: &Adapter, name: Option<&str>, services: &[Uuid]) -> Outcome<Device> {
    timeout(TIMEOUT, look(adapter, name, services)).await?
}

/// While there is no adapter, or the device is not there.
async fn connect_again(adapter: &Adapter, name: &str) -> Device {
    loop {
        match connect(adapter, name).await {
            Ok(device) => return device,
            Err(error) => eprintln!("{error}"),
        }
        sleep(PAUSE).await;
    }
}

async fn connect(adapter: &Adapter, name: &str) -> Outcome<Device> {
    let device = find(adapter, Some(name), &[]).await?;
    device.connect().await?;
    Ok(device)
}

async fn characteristic(device: &Device, uuid: Uuid) -> Outcome<Characteristic> {
    for service in device.services().await? {
        for characteristic in service.characteristics().await? {
            if characteristic.uuid().await? == uuid {
                return Ok(characteristic);
            }
        }
    }
    Err(format!("there is no {uuid}").into())
}

async fn write(characteristic: &Characteristic, value: &[u8]) -> Outcome<()> {
    let request = CharacteristicWriteRequest { op_type: WriteOp::Request, ..Default::default() };
    Ok(characteristic.write_ext(value, &request).await?)
}

async fn until_lost(device: &Device) -> Outcome<()> {
    let events = device.events().await?;
    pin_mut!(events);
    while device.is_connected().await? {
        if let Some(DeviceEvent::PropertyChanged(DeviceProperty::Connected(false))) = events.next().await {
            break;
        }
    }
    Ok(())
}

async fn transfer(device: &Device, arguments: &Arguments) -> Outcome<()> {
    let store = characteristic(device, arguments.store).await?;
    did("read", "value", hex(&store.read().await?));
    write(&store, &written()).await?;
    did("wrote", "value", hex(&store.read().await?));
    let burst = characteristic(device, arguments.burst).await?;
    let notifications = burst.notify().await?;
    pin_mut!(notifications);
    write(&burst, &(N_NOTIFICATIONS as u16).to_le_bytes()).await?;
    let numbers = timeout(TIMEOUT, notifications.take(N_NOTIFICATIONS).map(|value| number(&value)).collect::<Vec<_>>());
    did("notified", "numbers", json!(numbers.await?));
    Ok(())
}

async fn be_left(adapter: &Adapter, arguments: &Arguments) -> Outcome<()> {
    let device = connect(adapter, &arguments.quitter).await?;
    write(&characteristic(&device, arguments.hang_up).await?, &[8]).await?;
    timeout(TIMEOUT, until_lost(&device)).await??;
    did("lost", "by", Value::Null);
    let device = connect_again(adapter, &arguments.quitter).await;
    did("again", "value", hex(&characteristic(&device, arguments.value).await?.read().await?));
    Ok(device.disconnect().await?)
}

async fn survive(adapter: &Adapter, arguments: &Arguments) -> Outcome<()> {
    let device = connect(adapter, &arguments.name).await?;
    did("ready", "for", Value::Null);
    timeout(TIMEOUT, until_lost(&device)).await??;
    did("rebooted", "by", Value::Null);
    let device = connect_again(adapter, &arguments.name).await;
    did("survived", "value", hex(&characteristic(&device, arguments.store).await?.read().await?));
    Ok(device.disconnect().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments = arguments()?;
    let session = bluer::Session::new().await?;
    let adapter = session.default_adapter().await?;
    did("adapter", "name", json!(adapter.name()));
    adapter.set_powered(true).await?;
    let device = find(&adapter, Some(&arguments.name), &[]).await?;
    did("by_name", "address", json!(device.address().to_string()));
    let by_service = find(&adapter, None, &[arguments.service]).await?;
    did("by_service", "address", json!(by_service.address().to_string()));
    device.connect().await?;
    did("connected", "to", json!(device.address().to_string()));
    let mut uuids = Vec::new();
    for service in device.services().await? {
        uuids.push(service.uuid().await?.to_string());
    }
    did("services", "uuids", json!(uuids));
    transfer(&device, &arguments).await?;
    device.disconnect().await?;
    did("disconnected", "from", json!(device.address().to_string()));
    be_left(&adapter, &arguments).await?;
    survive(&adapter, &arguments).await
}
