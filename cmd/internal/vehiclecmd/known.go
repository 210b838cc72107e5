package vehiclecmd

import (
	"joulepay/channel/session"
	"joulepay/cmd/internal/cli"
	"joulepay/cmd/internal/party"
	"joulepay/cmd/internal/simcable"
	"joulepay/cmd/internal/vehicle"
	"joulepay/meter"
	"joulepay/settle/client"
	"joulepay/settle/receipt"
)

// knownErrors says what to do about errors that mean something else, or more, to a vehicle than to others.
var knownErrors = []cli.Known{
	{Err: session.ErrRefused,
		Hint: "nothing was paid: `vehicle stations` shows who else offers what"},
	{Err: session.ErrQuoteChanged,
		Hint: "nothing was paid: do not trust this station; `vehicle stations` shows others"},
	{Match: refused("busy"),
		Hint: "another vehicle is served there: `vehicle stations` shows which stations are free"},
	{Err: party.ErrRetired,
		Hint: "`vehicle wallet rotate` finds out which key counts, and takes it: nothing is replaced again"},
	{Err: vehicle.ErrNoStation,
		Hint: "start one with `chargepoint run`, or wait longer for answers: `vehicle stations --wait 5s`"},
	{Err: vehicle.ErrUnknownStation,
		Hint: "`vehicle stations --wait 5s` lists the stations that answer"},
	{Err: vehicle.ErrNoneFits,
		Hint: "`vehicle stations` shows prices and which are free; `{command} --help` the limits"},
	{Err: vehicle.ErrInbox,
		Hint: "name a file that does not exist yet, on a disk with room: `vehicle data --out FILE`"},
	{Err: simcable.ErrNoOutlet,
		Hint: "a station with a real meter is measured with `vehicle charge --measure exec:COMMAND`; else see `vehicle stations`"},
	{Err: simcable.ErrInUse,
		Hint: "wait until it leaves: `vehicle stations` shows which stations are free"},
	{Err: meter.ErrSpec,
		Hint: "for example --measure sim, --measure replay:sessions.csv#0 or --measure 'exec:./read-meter'", Code: cli.ExitUsage},
	{Err: receipt.ErrInvalid,
		Hint: "do not rely on it: ask who issued it for the original, `vehicle receipts export ID FILE` gives one's own"},
	{Err: party.ErrOtherWallet,
		Hint: "restore the wallet that they belong to: `{program} wallet restore`; or use another name: `{command} --wallet NAME`"},
	{Err: party.ErrPin,
		Hint: "the file `network` in --data names the ledger that was met first: restore it, or remove it to meet the ledger anew"},
	{Err: client.ErrInsufficient,
		Hint: "put money on the account: `ledger issue --to {did} --amount 50EUR`"},
}
