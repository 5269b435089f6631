// SPDX-License-Identifier: MIT

// A program that uses tinygo.org/x/bluetooth.
package main

import (
	"fmt"
	"time"

	"clients/journey"
	"tinygo.org/x/bluetooth"
)

const adapterName = "hci0" // it has no way to list them

var adapter = bluetooth.NewAdapter(adapterName)

func find(holds func(bluetooth.ScanResult) bool) (address bluetooth.Address, err error) {
	timer := time.AfterFunc(journey.Timeout, func() { adapter.StopScan() })
	defer timer.Stop()
	found := false
	err = adapter.Scan(func(adapter *bluetooth.Adapter, result bluetooth.ScanResult) {
		if !found && holds(result) {
			found, address = true, result.Address
			adapter.StopScan()
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("the device is not heard")
	}
	return address, err
}

func named(name string) func(bluetooth.ScanResult) bool {
	return func(result bluetooth.ScanResult) bool { return result.LocalName() == name }
}

func connect(name string) (bluetooth.Device, error) {
	address, err := find(named(name))
	if err != nil {
		return bluetooth.Device{}, err
	}
	return adapter.Connect(address, bluetooth.ConnectionParams{})
}

func characteristic(device bluetooth.Device, uuid string) (*bluetooth.DeviceCharacteristic, error) {
	services, err := device.DiscoverServices(nil)
	if err != nil {
		return nil, err
	}
	for _, service := range services {
		characteristics, err := service.DiscoverCharacteristics(nil)
		if err != nil {
			return nil, err
		}
		for i := range characteristics {
			if characteristics[i].UUID().String() == uuid {
				return &characteristics[i], nil
			}
		}
	}
	return nil, fmt.Errorf("there is no %s", uuid)
}

func read(device bluetooth.Device, uuid string) []byte {
	value := make([]byte, 512)
	n := journey.Must(journey.Must(characteristic(device, uuid)).Read(value))
	return value[:n]
}

// It tells nobody of the end of a connection that it made; what is read then fails.
func untilLost(one *bluetooth.DeviceCharacteristic) {
	for end := time.Now().Add(journey.Timeout); ; time.Sleep(journey.Pause) {
		if _, err := one.Read(make([]byte, 512)); err != nil {
			return
		}
		if time.Now().After(end) {
			journey.Fail(fmt.Errorf("the connection is not lost"))
		}
	}
}

func transfer(device bluetooth.Device, arguments journey.Arguments) {
	journey.DidRead("read", read(device, arguments.Store))
	journey.Must(journey.Must(characteristic(device, arguments.Store)).Write(journey.Written()))
	journey.DidRead("wrote", read(device, arguments.Store))
	values := make(chan []byte, journey.Notifications)
	burst := journey.Must(characteristic(device, arguments.Burst))
	journey.Check(burst.EnableNotifications(func(value []byte) { values <- value }))
	journey.Must(burst.Write(journey.Count()))
	journey.Did("notified", "numbers", journey.Collect(values))
	journey.Check(burst.EnableNotifications(nil))
}

func beLeft(arguments journey.Arguments) {
	device := journey.Must(connect(arguments.Quitter))
	value := journey.Must(characteristic(device, arguments.Value))
	journey.Must(journey.Must(characteristic(device, arguments.HangUp)).Write([]byte{8}))
	untilLost(value)
	journey.Did("lost", "by", nil)
	device = journey.Stubbornly(func() (bluetooth.Device, error) { return connect(arguments.Quitter) })
	journey.DidRead("again", read(device, arguments.Value))
	journey.Check(device.Disconnect())
}

func survive(arguments journey.Arguments) {
	device := journey.Must(connect(arguments.Name))
	store := journey.Must(characteristic(device, arguments.Store))
	journey.Did("ready", "for", nil)
	untilLost(store)
	journey.Did("rebooted", "by", nil)
	device = journey.Stubbornly(func() (bluetooth.Device, error) { return connect(arguments.Name) })
	journey.DidRead("survived", read(device, arguments.Store))
	journey.Check(device.Disconnect())
}

func main() {
	arguments := journey.ReadArguments()
	journey.Check(adapter.Enable())
	journey.Must(adapter.Address())
	journey.Did("adapter", "name", adapterName)
	address := journey.Must(find(named(arguments.Name)))
	journey.Did("by_name", "address", address.MAC.String())
	service := journey.Must(bluetooth.ParseUUID(arguments.Service))
	other := journey.Must(find(func(result bluetooth.ScanResult) bool { return result.HasServiceUUID(service) }))
	journey.Did("by_service", "address", other.MAC.String())
	device := journey.Must(adapter.Connect(address, bluetooth.ConnectionParams{}))
	journey.Did("connected", "to", device.Address.MAC.String())
	uuids := []string{}
	for _, one := range journey.Must(device.DiscoverServices(nil)) {
		uuids = append(uuids, one.UUID().String())
	}
	journey.Did("services", "uuids", uuids)
	transfer(device, arguments)
	journey.Check(device.Disconnect())
	journey.Did("disconnected", "from", device.Address.MAC.String())
	beLeft(arguments)
	survive(arguments)
}
