// SPDX-License-Identifier: MIT

// A program that uses github.com/muka/go-bluetooth.
package main

import (
	"fmt"
	"strings"
	"time"

	"clients/journey"
	"github.com/muka/go-bluetooth/api"
	"github.com/muka/go-bluetooth/bluez"
	"github.com/muka/go-bluetooth/bluez/profile/adapter"
	"github.com/muka/go-bluetooth/bluez/profile/device"
	"github.com/muka/go-bluetooth/bluez/profile/gatt"
)

var hci *adapter.Adapter1

func known(holds func(*device.Device1) bool) (*device.Device1, error) {
	devices, err := hci.GetDevices()
	if err != nil {
		return nil, err
	}
	for _, one := range devices {
		if holds(one) {
			return one, nil
		}
	}
	return nil, nil
}

func find(holds func(*device.Device1) bool, services ...string) (*device.Device1, error) {
	filter := adapter.NewDiscoveryFilter()
	filter.Transport = adapter.DiscoveryFilterTransportLE
	filter.UUIDs = services
	events, cancel, err := api.Discover(hci, &filter)
	if err != nil {
		return nil, err
	}
	defer func() {
		go func() { // it waits until they are taken
			for range events {
			}
		}()
		cancel()
	}()
	end := time.After(journey.Timeout)
	for {
		found, err := known(holds)
		if found != nil || err != nil {
			return found, err
		}
		select {
		case <-events:
		case <-time.After(journey.Pause): // who was there before the events were watched
		case <-end:
			return nil, fmt.Errorf("the device is not heard")
		}
	}
}

func named(name string) func(*device.Device1) bool {
	return func(one *device.Device1) bool { return one.Properties.Name == name }
}

func open(one *device.Device1) error {
	if err := one.Connect(); err != nil {
		return err
	}
	for end := time.Now().Add(journey.Timeout); ; time.Sleep(10 * time.Millisecond) {
		resolved, err := one.GetServicesResolved()
		if resolved || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the services are not resolved")
		}
	}
}

func connect(name string) (*device.Device1, error) {
	found, err := find(named(name))
	if err != nil {
		return nil, err
	}
	return found, open(found)
}

func characteristic(one *device.Device1, uuid string) *gatt.GattCharacteristic1 {
	found := journey.Must(one.GetCharByUUID(uuid))
	if found == nil {
		journey.Fail(fmt.Errorf("there is no %s", uuid))
	}
	return found
}

func read(one *device.Device1, uuid string) []byte {
	return journey.Must(characteristic(one, uuid).ReadValue(map[string]interface{}{}))
}

func write(one *gatt.GattCharacteristic1, value []byte) {
	journey.Check(one.WriteValue(value, map[string]interface{}{"type": "request"}))
}

func services(one *device.Device1) []string {
	uuids := []string{}
	manager := journey.Must(bluez.GetObjectManager())
	for path, interfaces := range journey.Must(manager.GetManagedObjects()) {
		service, ok := interfaces[gatt.GattService1Interface]
		if ok && strings.HasPrefix(string(path), string(one.Path())) {
			uuids = append(uuids, service["UUID"].Value().(string))
		}
	}
	return uuids
}

// What loses the connection comes after it is watched.
func watch(one *device.Device1) <-chan struct{} {
	changes := journey.Must(one.WatchProperties())
	lost := make(chan struct{}, 1)
	go func() {
		for change := range changes {
			if change != nil && change.Name == "Connected" && change.Value == false {
				lost <- struct{}{}
			}
		}
	}()
	return lost
}

func await(lost <-chan struct{}) {
	select {
	case <-lost:
	case <-time.After(journey.Timeout):
		journey.Fail(fmt.Errorf("the connection is not lost"))
	}
}

func transfer(one *device.Device1, arguments journey.Arguments) {
	journey.DidRead("read", read(one, arguments.Store))
	write(characteristic(one, arguments.Store), journey.Written())
	journey.DidRead("wrote", read(one, arguments.Store))
	burst := characteristic(one, arguments.Burst)
	changes := journey.Must(burst.WatchProperties())
	journey.Check(burst.StartNotify())
	values := make(chan []byte, journey.Notifications)
	go func() {
		for change := range changes {
			if change != nil && change.Name == "Value" {
				values <- change.Value.([]byte)
			}
		}
	}()
	write(burst, journey.Count())
	journey.Did("notified", "numbers", journey.Collect(values))
	journey.Check(burst.StopNotify())
}

func beLeft(arguments journey.Arguments) {
	one := journey.Must(connect(arguments.Quitter))
	lost := watch(one)
	write(characteristic(one, arguments.HangUp), []byte{8})
	await(lost)
	journey.Did("lost", "by", nil)
	one = journey.Stubbornly(func() (*device.Device1, error) { return connect(arguments.Quitter) })
	journey.DidRead("again", read(one, arguments.Value))
	journey.Check(one.Disconnect())
}

func survive(arguments journey.Arguments) {
	one := journey.Must(connect(arguments.Name))
	lost := watch(one)
	journey.Did("ready", "for", nil)
	await(lost)
	journey.Did("rebooted", "by", nil)
	one = journey.Stubbornly(func() (*device.Device1, error) { return connect(arguments.Name) })
	journey.DidRead("survived", read(one, arguments.Store))
	journey.Check(one.Disconnect())
}

func main() {
	arguments := journey.ReadArguments()
	hci = journey.Must(api.GetDefaultAdapter())
	journey.Did("adapter", "name", journey.Must(adapter.ParseAdapterID(hci.Path())))
	one := journey.Must(find(named(arguments.Name)))
	journey.Did("by_name", "address", one.Properties.Address)
	other := journey.Must(find(func(one *device.Device1) bool {
		for _, uuid := range one.Properties.UUIDs {
			if uuid == arguments.Service {
				return true
			}
		}
		return false
	}, arguments.Service))
	journey.Did("by_service", "address", other.Properties.Address)
	journey.Check(open(one))
	journey.Did("connected", "to", one.Properties.Address)
	journey.Did("services", "uuids", services(one))
	transfer(one, arguments)
	journey.Check(one.Disconnect())
	journey.Did("disconnected", "from", one.Properties.Address)
	beLeft(arguments)
	survive(arguments)
	journey.Check(api.Exit())
}
