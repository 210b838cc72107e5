//go:build joulepay_observed

package secure

import (
	"fmt"
	"os"
)

// keysFileKey names the file to which programs that are built for a test to observe append the keys of each connection.
const keysFileKey = "JOULEPAY_TEST_KEYS_FILE"

// noteKeys writes connection, key towards the station and key towards the vehicle, in hexadecimal, before either is used.
func noteKeys(id ID, k keys) {
	name := os.Getenv(keysFileKey)
	if name == "" {
		return
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		panic("secure: keys for observation: " + err.Error())
	}
	defer func() { _ = file.Close() }() // what was written is written
	if _, err := fmt.Fprintf(file, "%s %x %x\n", id, k.toStation.UnsafeKey(), k.toVehicle.UnsafeKey()); err != nil {
		panic("secure: keys for observation: " + err.Error())
	}
}
