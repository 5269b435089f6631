// SPDX-License-Identifier: MIT
//! A program that uses btleplug.

mod journey;

use btleplug::api::{Central, CentralEvent, Characteristic, Manager as _, Peripheral as _, ScanFilter, WriteType};
use btleplug::platform::{Adapter, Manager, Peripheral};
use futures::StreamExt;
use journey::*;
use serde_json::{json, Value};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Among those that are known.
async fn known(adapter: &Adapter, name: Option<&str>, services: &[Uuid]) -> Outcome<Option<Peripheral>> {
    for peripheral in adapter.peripherals().await? {
        let Some(properties) = peripheral.properties().await? else { continue };
        let named = name.is_none() || properties.local_name.as_deref() == name;
        if named && services.iter().all(|service| properties.services.contains(service)) {
            return Ok(Some(peripheral));
        }
    }
    Ok(None)
}

async fn look(adapter: &Adapter, name: Option<&str>, services: &[Uuid]) -> Outcome<Peripheral> {
    let mut events = adapter.events().await?;
    adapter.start_scan(ScanFilter { services: services.to_vec() }).await?;
    loop {
        if let Some(peripheral) = known(adapter, name, services).await? {
            adapter.stop_scan().await?;
            return Ok(peripheral);
        }
        events.next().await.ok_or("there are no more events")?;
    }
}

async fn find(adapter: &Adapter, name: Option<&str>, services: &[Uuid]) -> Outcome<Peripheral> {
    timeout(TIMEOUT, look(adapter, name, services)).await?
}

async fn connect(adapter: &Adapter, name: &str) -> Outcome<Peripheral> {
    let peripheral = find(adapter, Some(name), &[]).await?;
    peripheral.connect().await?;
    peripheral.discover_services().await?;
    Ok(peripheral)
}

/// While there is no adapter, or the device is not there.
async fn connect_again(adapter: &Adapter, name: &str) -> Peripheral {
    loop {
        match connect(adapter, name).await {
            Ok(peripheral) => return peripheral,
            Err(error) => eprintln!("{error}"),
        }
        adapter.stop_scan().await.unwrap_or_else(|error| eprintln!("{error}"));
        sleep(PAUSE).await;
    }
}

fn characteristic(peripheral: &Peripheral, uuid: Uuid) -> Outcome<Characteristic> {
    let found = peripheral.characteristics().into_iter().find(|characteristic| characteristic.uuid == uuid);
    found.ok_or_else(|| format!("there is no {uuid}").into())
}

async fn until_lost(adapter: &Adapter, peripheral: &Peripheral) -> Outcome<()> {
    let mut events = adapter.events().await?;
    while peripheral.is_connected().await? {
        match events.next().await {
            Some(CentralEvent::DeviceDisconnected(id)) if id == peripheral.id() => break,
            Some(_) => continue,
            None => return Err("there are no more events".into()),
        }
    }
    Ok(())
}

async fn transfer(peripheral: &Peripheral, arguments: &Arguments) -> Outcome<()> {
    let store = characteristic(peripheral, arguments.store)?;
    did("read", "value", hex(&peripheral.read(&store).await?));
    peripheral.write(&store, &written(), WriteType::WithResponse).await?;
    did("wrote", "value", hex(&peripheral.read(&store).await?));
    let burst = characteristic(peripheral, arguments.burst)?;
    let notifications = peripheral.notifications().await?;
    peripheral.subscribe(&burst).await?;
    let count = (N_NOTIFICATIONS as u16).to_le_bytes();
    peripheral.write(&burst, &count, WriteType::WithResponse).await?;
    let numbers = notifications.take(N_NOTIFICATIONS).map(|notification| number(&notification.value));
    did("notified", "numbers", json!(timeout(TIMEOUT, numbers.collect::<Vec<_>>()).await?));
    Ok(peripheral.unsubscribe(&burst).await?)
}

async fn be_left(adapter: &Adapter, arguments: &Arguments) -> Outcome<()> {
    let peripheral = connect(adapter, &arguments.quitter).await?;
    let hang_up = characteristic(&peripheral, arguments.hang_up)?;
    peripheral.write(&hang_up, &[8], WriteType::WithResponse).await?;
    timeout(TIMEOUT, until_lost(adapter, &peripheral)).await??;
    did("lost", "by", Value::Null);
    let peripheral = connect_again(adapter, &arguments.quitter).await;
    did("again", "value", hex(&peripheral.read(&characteristic(&peripheral, arguments.value)?).await?));
    Ok(peripheral.disconnect().await?)
}

async fn survive(adapter: &Adapter, arguments: &Arguments) -> Outcome<()> {
    let peripheral = connect(adapter, &arguments.name).await?;
    did("ready", "for", Value::Null);
    timeout(TIMEOUT, until_lost(adapter, &peripheral)).await??;
    did("rebooted", "by", Value::Null);
    let peripheral = connect_again(adapter, &arguments.name).await;
    did("survived", "value", hex(&peripheral.read(&characteristic(&peripheral, arguments.store)?).await?));
    Ok(peripheral.disconnect().await?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let arguments = arguments()?;
    let manager = Manager::new().await?;
    let adapter = manager.adapters().await?.into_iter().next().ok_or("there is no adapter")?;
    let info = adapter.adapter_info().await?;
    did("adapter", "name", json!(info.split(' ').next()));
    let peripheral = find(&adapter, Some(&arguments.name), &[]).await?;
    did("by_name", "address", json!(peripheral.address().to_string()));
    let by_service = find(&adapter, None, &[arguments.service]).await?;
    did("by_service", "address", json!(by_service.address().to_string()));
    peripheral.connect().await?;
    did("connected", "to", json!(peripheral.address().to_string()));
    peripheral.discover_services().await?;
    let uuids: Vec<_> = peripheral.services().iter().map(|service| service.uuid.to_string()).collect();
    did("services", "uuids", json!(uuids));
    transfer(&peripheral, &arguments).await?;
    peripheral.disconnect().await?;
    did("disconnected", "from", json!(peripheral.address().to_string()));
    be_left(&adapter, &arguments).await?;
    survive(&adapter, &arguments).await
}
