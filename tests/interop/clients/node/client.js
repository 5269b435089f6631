// SPDX-License-Identifier: MIT
// A program that uses node-ble: tests/daemon/journey.py tells what it does.
'use strict'

const { createBluetooth } = require('node-ble')

const [NAME, SERVICE, STORE, BURST, QUITTER, VALUE, HANG_UP] = process.argv.slice(2)
const WRITTEN = Buffer.from(Array.from({ length: 400 }, (_, i) => i % 251))
const N_NOTIFICATIONS = 200
const TIMEOUT_MS = 30000

function did (step, more = {}) {
  process.stdout.write(JSON.stringify({ did: step, ...more }) + '\n')
}

function sleep (ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function limited (promise, what) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took too long`)), TIMEOUT_MS)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

// Each object for a device watches it for good, and a program may watch 512 things only.
const seen = new Map()

// A device for which it holds, among those that are known or come.
async function find (adapter, holds) {
  if (!await adapter.isDiscovering()) await adapter.startDiscovery()
  const end = Date.now() + TIMEOUT_MS
  while (Date.now() < end) {
    for (const address of await adapter.devices()) {
      try {
        const device = seen.get(address) ?? await adapter.getDevice(address)
        seen.set(address, device)
        if (await holds(device)) return device
      } catch (error) { // it has no name, or has just been removed
        if (/No such property/.test(error.message)) continue
        seen.delete(address)
        if (!/not found|UnknownObject/i.test(error.message + error.type)) throw error
      }
    }
    await sleep(200)
  }
  throw new Error('the device is not heard')
}

function named (name) {
  return async (device) => await device.getName() === name
}

async function connect (adapter, name) {
  const device = await find(adapter, named(name))
  const lost = new Promise((resolve) => device.once('disconnect', resolve))
  await device.connect()
  return { device, gatt: await limited(device.gatt(), 'finding the services'), lost }
}

// While there is no adapter, or the device is not there.
async function connectAgain (adapter, name) {
  for (;;) {
    try {
      return await connect(adapter, name)
    } catch (error) {
      console.error(error)
      await sleep(500)
    }
  }
}

async function characteristic (gatt, uuid) {
  for (const id of await gatt.services()) {
    const service = await gatt.getPrimaryService(id)
    if ((await service.characteristics()).includes(uuid)) return service.getCharacteristic(uuid)
  }
  throw new Error(`there is no ${uuid}`)
}

async function read (gatt, uuid) {
  return (await (await characteristic(gatt, uuid)).readValue()).toString('hex')
}

// As it writes unless it is told otherwise: "reliable".
async function transfer (gatt) {
  did('read', { value: await read(gatt, STORE) })
  await (await characteristic(gatt, STORE)).writeValue(WRITTEN)
  did('wrote', { value: await read(gatt, STORE) })
}

async function listen (gatt) {
  const burst = await characteristic(gatt, BURST)
  const numbers = []
  await burst.startNotifications()
  const enough = new Promise((resolve) => {
    burst.on('valuechanged', (value) => {
      if (numbers.push(value.readUInt16LE(0)) === N_NOTIFICATIONS) resolve()
    })
  })
  await burst.writeValueWithResponse(Buffer.from([N_NOTIFICATIONS & 255, N_NOTIFICATIONS >> 8]))
  await limited(enough, 'notifying')
  await burst.stopNotifications()
  did('notified', { numbers })
}

async function beLeft (adapter) {
  const { gatt, lost } = await connect(adapter, QUITTER)
  await (await characteristic(gatt, HANG_UP)).writeValueWithResponse(Buffer.from([8]))
  await limited(lost, 'the loss')
  did('lost')
  const again = await connectAgain(adapter, QUITTER)
  did('again', { value: await read(again.gatt, VALUE) })
  await again.device.disconnect()
}

async function survive (adapter) {
  const { lost } = await connect(adapter, NAME)
  did('ready')
  await limited(lost, 'the loss')
  did('rebooted')
  const again = await connectAgain(adapter, NAME)
  did('survived', { value: await read(again.gatt, STORE) })
  await again.device.disconnect()
}

async function main () {
  const { bluetooth, destroy } = createBluetooth()
  const [name] = await bluetooth.adapters()
  did('adapter', { name })
  const adapter = await bluetooth.getAdapter(name)
  const device = await find(adapter, named(NAME))
  did('by_name', { address: await device.getAddress() })
  // It has no way to ask for the services of a device that is not connected, but by what all its objects are made of.
  const other = await find(adapter, async (one) => (await one.helper.prop('UUIDs')).includes(SERVICE))
  did('by_service', { address: await other.getAddress() })
  await device.connect()
  did('connected')
  const gatt = await limited(device.gatt(), 'finding the services')
  did('services', { uuids: await gatt.services() })
  await transfer(gatt)
  await listen(gatt)
  await device.disconnect()
  did('disconnected')
  await beLeft(adapter)
  await survive(adapter)
  destroy()
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
