// SPDX-License-Identifier: MIT

// Package journey is what both programs have in common: tests/daemon/journey.py tells what they do.
package journey

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

const (
	Notifications = 200
	Timeout       = 30 * time.Second
	Pause         = 200 * time.Millisecond
)

// Arguments are what the program is to look for.
type Arguments struct {
	Name, Service, Store, Burst, Quitter, Value, HangUp string
}

func ReadArguments() Arguments {
	words := os.Args[1:]
	if len(words) != 7 {
		Fail(fmt.Errorf("seven arguments, not %d", len(words)))
	}
	return Arguments{words[0], words[1], words[2], words[3], words[4], words[5], words[6]}
}

func Fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func Must[T any](value T, err error) T {
	if err != nil {
		Fail(err)
	}
	return value
}

func Check(err error) {
	if err != nil {
		Fail(err)
	}
}

// Did prints that a step is done.
func Did(step string, key string, value any) {
	line := Must(json.Marshal(map[string]any{"did": step, key: value}))
	fmt.Println(string(line))
}

// DidRead prints it with a value.
func DidRead(step string, value []byte) {
	Did(step, "value", hex.EncodeToString(value))
}

// Written is what is written.
func Written() []byte {
	bytes := make([]byte, 400)
	for i := range bytes {
		bytes[i] = byte(i % 251)
	}
	return bytes
}

// Count is what makes the device notify.
func Count() []byte {
	return binary.LittleEndian.AppendUint16(nil, Notifications)
}

// Number is what a notification begins with.
func Number(value []byte) int {
	if len(value) < 2 {
		return -1
	}
	return int(binary.LittleEndian.Uint16(value))
}

// Collect takes the numbers of all notifications.
func Collect(values <-chan []byte) []int {
	numbers := []int{}
	end := time.After(Timeout)
	for len(numbers) < Notifications {
		select {
		case value := <-values:
			numbers = append(numbers, Number(value))
		case <-end:
			Fail(fmt.Errorf("%d notifications only: %v", len(numbers), numbers))
		}
	}
	return numbers
}

// Stubbornly tries while there is no adapter, or the device is not there.
func Stubbornly[T any](action func() (T, error)) T {
	for {
		value, err := action()
		if err == nil {
			return value
		}
		fmt.Fprintln(os.Stderr, err)
		time.Sleep(Pause)
	}
}
