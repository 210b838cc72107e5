package claimcmd

import (
	"joulepay/channel/secure"
	"joulepay/cmd/internal/cli"
	"joulepay/settle/did"
	"joulepay/settle/registry"
	"joulepay/wallet/credential"
	"joulepay/wallet/credential/share"
	"joulepay/wallet/credential/status"
)

// Hints that several errors share.
const (
	hintOriginal = "do not rely on it: ask its issuer for the original"
	hintOther    = "do not rely on it: ask for one that is made for this"
	hintClaims   = "`{program} claim issue --help` shows what each kind of claim says"
	hintRenewed  = "ask its issuer for a new one"
	hintStatus   = "fetch the list: `{command} --fetch-status --trust DID`, give it: `--status-list FILE`, or go on without: `--unknown-status accept`"
)

// knownErrors says what people can do about a claim that is refused.
var knownErrors = []cli.Known{
	{Err: credential.ErrSize, Hint: "claims are at most 8 KiB: publish the data elsewhere, and claim its hash"},
	{Err: credential.ErrCompact, Hint: "a claim is one line of three parts with dots between them: `{program} claim issue` makes one"},
	{Err: credential.ErrBase64, Hint: hintOriginal},
	{Err: credential.ErrJSON, Hint: "write one JSON object, each member once"},
	{Err: credential.ErrDuplicateMember, Hint: "write each member once"},
	{Err: credential.ErrDepth, Hint: "claim less deeply nested data"},
	{Err: credential.ErrAlgorithm, Hint: "ask its issuer for one that is signed with Ed25519"},
	{Err: credential.ErrMediaType, Hint: "give a vc+jwt or vp+jwt: `{program} claim issue`, `{program} claim present`"},
	{Err: credential.ErrCritical, Hint: hintOther},
	{Err: credential.ErrKeyID, Hint: "ask for one of a did:joule or did:key issuer"},
	{Err: credential.ErrContext, Hint: "ask for one of VCDM 2.0"},
	{Err: credential.ErrReserved, Hint: "ask for one of VCDM 2.0"},
	{Err: credential.ErrType, Hint: hintClaims},
	{Err: credential.ErrIssuer, Hint: hintOriginal},
	{Err: credential.ErrTime, Hint: "a time is RFC 3339, such as 2026-03-01T12:00:00Z, and ends after it begins"},
	{Err: credential.ErrClaims, Hint: hintClaims},
	{Err: credential.ErrID, Hint: "`{command} --id URI` takes at most 512 characters"},
	{Err: credential.ErrSignature, Hint: hintOriginal},
	{Err: registry.ErrUnknown, Hint: "ask another node: `{command} --ledger URL`; without --ledger the key that a DID names counts"},
	{Err: did.ErrProof, Hint: "do not trust that node, ask another: `{command} --ledger URL`"},
	{Err: did.ErrStale, Hint: "ask a node that follows the ledger: `{command} --ledger URL`, or allow an older proof: --registration-age 24h"},
	{Err: credential.ErrKey, Hint: "where the issuer's key was replaced, a ledger proves which it is now: `{command} --ledger URL`; else " + hintRenewed},
	{Err: credential.ErrNotYetValid, Hint: "wait until then, or set the clock of this machine (`timedatectl` shows it)"},
	{Err: credential.ErrExpired, Hint: hintRenewed},
	{Err: credential.ErrSubject, Hint: hintOther},
	{Err: credential.ErrKind, Hint: hintOther},
	{Err: credential.ErrUntrusted, Hint: "if you trust that issuer: `{command} --trust DID`"},
	{Err: credential.ErrRevoked, Hint: "do not rely on it: its issuer took it back"},
	{Err: credential.ErrSuspended, Hint: "do not rely on it now: its issuer may lift the suspension"},
	{Err: credential.ErrStatusEntry, Hint: hintOriginal},
	{Err: credential.ErrStatusUnavailable, Hint: hintStatus},
	{Err: credential.ErrEnvelope, Hint: "a presentation holds one to eight claims of its holder"},
	{Err: credential.ErrHolder, Hint: "only the subject of a claim can show it: `{program} wallet show` prints your own DID"},
	{Err: credential.ErrAudience, Hint: "ask for a presentation to your own DID"},
	{Err: credential.ErrNonce, Hint: "ask for a presentation with your own nonce, used once"},

	{Err: share.ErrRefused, Hint: "`{program} claim verify FILE` shows what others see; the receiver names whom it trusts with --trust"},
	{Err: share.ErrTooMuch, Hint: "send fewer claims at once: together they are at most about 8 KiB"},
	{Err: share.ErrHolder, Hint: "`{command} --from DID` names the one that may send"},
	{Err: secure.ErrRefused, Hint: "the other side waits for another sender: it names this one with `claim receive --from {did}`"},
	{Err: errNoAnswer, Hint: "start the other side, or wait for longer: `{command} --wait 5m`"},
	{Err: errNobody, Hint: "start the other side, `{program} claim send`, or wait for longer: `{command} --wait 5m`"},
	{Err: errLinkEnded, Hint: "see whether the NATS server runs, then run `{command}` again"},

	{Err: status.ErrStale, Hint: hintStatus},
	{Err: status.ErrList, Hint: "give the list that the claim names: `{program} claim verify --unknown-status accept --json FILE` shows it"},
	{Err: status.ErrRolledBack, Hint: "do not rely on that host: it serves an old list"},
	{Err: status.ErrFile, Hint: "name a file that `{program} claim status create` made, or restore it from your backup"},
	{Err: status.ErrNoList, Hint: "make it: `{program} claim status create LIST --url URL`"},
	{Err: status.ErrExists, Hint: "`{program} claim status show LIST` shows it; choose another name for a new one"},
	{Err: status.ErrFull, Hint: "make another one: `{program} claim status create LIST --url URL`"},
	{Err: status.ErrOwner, Hint: "use the wallet that made it: `{command} --wallet NAME`"},
	{Err: status.ErrUnused, Hint: "give the list that the claim was issued with"},
	{Err: status.ErrSize, Hint: "a list has room for 131072 to 1048576 claims"},
	{Err: status.ErrBusy, Hint: "wait until the other command has ended, then run `{command}` again"},
}
