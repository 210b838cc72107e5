package stationcmd

import (
	"joulepay/channel/quote"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/station"
	"joulepay/internal/natsd"
	"joulepay/meter/ocmfsign"
	"joulepay/meter/ocpp"
	"joulepay/pricing"
	"joulepay/pricing/market"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
)

const marketFileHint = "get the prices anew: CSV of start_utc, start_local, eur_per_mwh, or the JSON of Energy-Charts or aWATTar, without gaps"

// knownErrors says what to do about errors that mean something else, or more, to who runs a charger than to others.
var knownErrors = []cli.Known{
	{Err: quote.ErrQuote,
		Hint: "correct the flag or the tariff that it names; `{command} --help` shows the flags"},
	{Err: pricing.ErrTariff,
		Hint: "the file holds one OCPI 2.2.1 or 2.3.0 Tariff object: correct what is named"},
	{Err: pricing.ErrSession,
		Hint: "the file holds an OCPI CDR, or {start_date_time, end_date_time, time_zone, kind, charging_periods}: correct what is named"},
	{Err: errNoTariff, Hint: "a list of tariffs leaves no gap between end_date_time and the start_date_time that follows"},
	{Err: station.ErrTariffFile,
		Hint: "name a file that can be read: `{command} --tariff FILE`; `chargepoint tariff check FILE` explains it"},
	{Err: ocpp.ErrKept,
		Hint: "move the folder ocpp away, in that of the charger: transactions that run are then stopped, and the next key of a meter is trusted"},
	{Err: ocpp.ErrConfig, Hint: "correct what it names; docs/ocpp.md has the bounds"},
	{Err: station.ErrPlaces, Hint: "give each outlet an EVSE id of its own"},
	{Err: station.ErrOpen,
		Hint: "give its station a password: `{command} --ocpp-password-file FILE`, or listen on this machine only: --ocpp-listen ws://127.0.0.1:9210"},
	{Err: station.ErrCurrency,
		Hint: "write the tariff in the ledger's currency, which `ledger status` shows, and name it: `{command} --tariff FILE`"},
	{Err: market.ErrRange,
		Hint: "get the day-ahead prices of that day, which are published the day before, and put them where --market or --prices names them"},
	{Err: market.ErrTerms,
		Hint: "correct the flag that it names: factors are small numbers, prices are in EUR per kWh"},
	{Err: market.ErrFormat, Hint: marketFileHint},
	{Err: market.ErrUnit, Hint: marketFileHint},
	{Err: market.ErrGap, Hint: marketFileHint},
	{Err: market.ErrDuplicate, Hint: marketFileHint},
	{Err: market.ErrOrder, Hint: marketFileHint},
	{Err: market.ErrNumber, Hint: marketFileHint},
	{Err: ocmfsign.ErrKey,
		Hint: "restore the file, or move it away: the next run makes another key, which drivers have to be told"},
	{Err: receipt.ErrNotEnded,
		Hint: "wait until the session has ended; `chargepoint sessions list` shows how it stands"},
	{Err: receipt.ErrExport,
		Hint: "name what is missing, or choose another format: `{command} --format csv` tells every session"},
	{Err: client.ErrNotFound,
		Hint: "`chargepoint sessions list` shows those that exist"},
	{Err: natsd.ErrPortTaken,
		Hint: "use the NATS server there, `{command} --nats nats://127.0.0.1:4222`, or take any free port: `{command} --nats-listen 127.0.0.1:0`"},
	{Err: party.ErrOtherWallet,
		Hint: "restore the wallet that they belong to: `{program} wallet restore`; or use another name: `{command} --wallet NAME`"},
	{Err: party.ErrPin,
		Hint: "the file `network` in --data names the ledger that was met first: restore it, or remove it to meet the ledger anew"},
}
