package faults_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"time"

	"joulepay/internal/natsd"
)

const (
	brokerAddressKey = "JOULEPAY_TEST_FAULTS_BROKER_ADDRESS"
	brokerFolderKey  = "JOULEPAY_TEST_FAULTS_BROKER_FOLDER"
)

// playBroker is a NATS server that belongs to nobody, until it is interrupted.
func playBroker() error {
	host, port, err := net.SplitHostPort(os.Getenv(brokerAddressKey))
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	server, err := natsd.Start(natsd.Options{
		Host: host, Port: number, JetStream: true, StoreDir: os.Getenv(brokerFolderKey), SyncAlways: true, Logger: slog.Default(),
	})
	if err != nil {
		return err
	}
	fmt.Printf("{\"nats\":%q}\n", server.ClientURL())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop
	return server.Close()
}

const (
	meterFileKey   = "JOULEPAY_TEST_FAULTS_METER_FILE"
	meterFactorKey = "JOULEPAY_TEST_FAULTS_METER_FACTOR"
)

// meterEvery is how often a meter speaks.
const meterEvery = 100 * time.Millisecond

// microjoulesPerMilliwattHour: 1 mWh = 3.6 J.
const microjoulesPerMilliwattHour = 3_600_000

// playMeter is a charger's outlet: energy flows at the limit that it is told, and its meter shows a multiple of it. What
// really flowed is in a file, mWh, for the vehicle and for the next process.
func playMeter() error {
	factor, err := strconv.ParseInt(os.Getenv(meterFactorKey), 10, 64)
	if err != nil {
		return err
	}
	before, err := readTruth()
	if err != nil {
		return err
	}
	limits, power, flowed, last := wants(), int64(0), int64(0), time.Now()
	ticker := time.NewTicker(meterEvery)
	defer ticker.Stop()
	for {
		select {
		case limit, more := <-limits:
			if !more {
				return nil
			}
			power = limit
			continue
		case <-ticker.C:
		}
		now := time.Now()
		flowed += power * now.Sub(last).Milliseconds() // µJ
		last = now
		truth := before + flowed/microjoulesPerMilliwattHour
		if err := writeTruth(truth); err != nil {
			return err
		}
		fmt.Printf("{\"register_mwh\":%d,\"power_mw\":%d}\n", truth*factor, power)
	}
}

// playMeasure is a vehicle's own meter: it shows what really flowed.
func playMeasure() error {
	limits := wants()
	ticker := time.NewTicker(meterEvery)
	defer ticker.Stop()
	for {
		select {
		case _, more := <-limits:
			if !more {
				return nil
			}
			continue
		case <-ticker.C:
		}
		truth, err := readTruth()
		if err != nil {
			return err
		}
		fmt.Printf("{\"register_mwh\":%d}\n", truth)
	}
}

// wants gives the power that is to flow, whenever that changes, until nobody asks any more.
func wants() <-chan int64 {
	limits := make(chan int64)
	go func() {
		defer close(limits)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			var want struct {
				Run   bool  `json:"run"`
				Limit int64 `json:"limit_mw"`
			}
			if json.Unmarshal(lines.Bytes(), &want) != nil || !want.Run {
				want.Limit = 0
			}
			limits <- want.Limit
		}
	}()
	return limits
}

func readTruth() (int64, error) {
	raw, err := os.ReadFile(os.Getenv(meterFileKey))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(raw), 10, 64)
}

// writeTruth replaces the file whole: who reads it finds a number at any moment.
func writeTruth(mWh int64) error {
	path := os.Getenv(meterFileKey)
	if err := os.WriteFile(path+".new", []byte(strconv.FormatInt(mWh, 10)), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
