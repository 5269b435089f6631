// SPDX-License-Identifier: MIT
// A program that uses noble by D-Bus: tests/daemon/journey.py tells what it does.
'use strict'

const { withBindings } = require('@stoprocent/noble')

const [NAME, SERVICE, STORE, BURST, QUITTER, VALUE, HANG_UP] = process.argv.slice(2)
const WRITTEN = Buffer.from(Array.from({ length: 400 }, (_, i) => i % 251))
const N_NOTIFICATIONS = 200
const TIMEOUT_MS = 30000
const SCANNING_MS = 10000
const ADAPTER = 0 // it does not tell the name of the one it has taken
const noble = withBindings('dbus', { hciDeviceId: ADAPTER })

function did (step, more = {}) {
  process.stdout.write(JSON.stringify({ did: step, ...more }) + '\n')
}

function sleep (ms) {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function limited (promise, what, ms = TIMEOUT_MS) {
  let timer
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took too long`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function plain (uuid) {
  return uuid.replaceAll('-', '')
}

// A device for which it holds, among those that are heard; only those with that service, if one is given.
async function find (holds, services = []) {
  let seen
  const found = new Promise((resolve) => {
    seen = (peripheral) => { if (holds(peripheral)) resolve(peripheral) }
  })
  noble.on('discover', seen)
  try {
    // It never answers when StartDiscovery is refused, as it is while the adapter is off.
    await limited(noble.startScanningAsync(services, true), 'starting to scan', SCANNING_MS)
    return await limited(found, 'hearing the device')
  } finally {
    noble.off('discover', seen)
    await noble.stopScanningAsync()
  }
}

function named (name) {
  return (peripheral) => peripheral.advertisement.localName === name
}

async function explore (peripheral) {
  const { services, characteristics } = await limited(peripheral.discoverAllServicesAndCharacteristicsAsync(), 'finding the services')
  return { services, characteristic: (uuid) => characteristics.find((one) => one.uuid === plain(uuid)) }
}

async function connect (name) {
  const peripheral = await find(named(name))
  const lost = new Promise((resolve) => peripheral.once('disconnect', resolve))
  await peripheral.connectAsync()
  return { peripheral, gatt: await explore(peripheral), lost }
}

// While there is no adapter, or the device is not there.
async function connectAgain (name) {
  for (;;) {
    try {
      return await connect(name)
    } catch (error) {
      console.error(error)
      await sleep(500)
    }
  }
}

async function read (gatt, uuid) {
  return (await gatt.characteristic(uuid).readAsync()).toString('hex')
}

async function transfer (gatt) {
  did('read', { value: await read(gatt, STORE) })
  await gatt.characteristic(STORE).writeAsync(WRITTEN, false)
  did('wrote', { value: await read(gatt, STORE) })
}

async function listen (gatt) {
  const burst = gatt.characteristic(BURST)
  const numbers = []
  const enough = new Promise((resolve) => {
    burst.on('data', (value) => {
      if (numbers.push(value.readUInt16LE(0)) === N_NOTIFICATIONS) resolve()
    })
  })
  await burst.subscribeAsync()
  await burst.writeAsync(Buffer.from([N_NOTIFICATIONS & 255, N_NOTIFICATIONS >> 8]), false)
  await limited(enough, 'notifying')
  await burst.unsubscribeAsync()
  did('notified', { numbers })
}

async function beLeft () {
  const { gatt, lost } = await connect(QUITTER)
  // The answer comes together with the loss, and it looks at that first.
  await gatt.characteristic(HANG_UP).writeAsync(Buffer.from([8]), false).catch(() => {})
  await limited(lost, 'the loss')
  did('lost')
  const again = await connectAgain(QUITTER)
  did('again', { value: await read(again.gatt, VALUE) })
  await again.peripheral.disconnectAsync()
}

async function survive () {
  const { lost } = await connect(NAME)
  did('ready')
  await limited(lost, 'the loss')
  did('rebooted')
  const again = await connectAgain(NAME)
  did('survived', { value: await read(again.gatt, STORE) })
  await again.peripheral.disconnectAsync()
}

async function main () {
  await noble.waitForPoweredOnAsync(TIMEOUT_MS)
  did('adapter', { name: `hci${ADAPTER}` })
  const peripheral = await find(named(NAME))
  did('by_name', { address: peripheral.address })
  did('by_service', { address: (await find(named(NAME), [plain(SERVICE)])).address })
  await peripheral.connectAsync()
  did('connected')
  const gatt = await explore(peripheral)
  did('services', { uuids: gatt.services.map(({ uuid }) => uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')) })
  await transfer(gatt)
  await listen(gatt)
  await peripheral.disconnectAsync()
  did('disconnected')
  await beLeft()
  await survive()
}

main().then(() => process.exit(0), (error) => {
  console.error(error)
  process.exit(1)
})
