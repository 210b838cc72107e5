package ocmf

import (
	"bytes"
	"testing"
)

// rich is a payload with every field that is read.
const rich = `{"FV":"1.4","GI":"g","GS":"1","GV":"v","PG":"F0","MV":"m","MM":"m","MS":"2","MF":"f","IS":"TRUSTED","IL":null,
"IF":["RFID_NONE"],"IT":"NONE","ID":"i","TT":"t","CF":"c","LC":{"LN":"n","LI":1,"LR":2.5,"LU":"uOhm"},"CT":0,"CI":"e","ZZ":[{}],
"RD":[{"TM":"2026-03-01T12:00:00,000+0100 S","TX":"B","RV":1e2,"RI":"01-00:B1.08.00*FF","RU":"Wh","RT":"AC","CL":0,"EF":"Et","EI":5,"ST":"G"},
{"TM":"2026-03-01T12:00:01,000+0100 R","TX":"E","RV":"  101.0"},{"RI":"0100020800FF","RV":0}]}`

func FuzzParseGivesARecordOrAnError(f *testing.F) {
	const strict = `{"SD":"3006020101020101"}`
	f.Add(good, strict)
	f.Add(rich, `{"SA":"ECDSA-brainpool384r1-SHA256","SE":"base64","SM":"application/x-der","SD":"MAYCAQECAQE=","UX":1}`)
	key := mustKey(P256).Public()
	f.Fuzz(func(t *testing.T, payload, signature string) {
		raw := []byte("OCMF|" + payload + "|" + signature)
		r, err := Parse(raw)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Raw(), raw) {
			t.Fatal("the record is not what was parsed")
		}
		p := r.Payload()
		for _, reading := range p.Readings {
			_, _ = reading.EnergyMilliwattHours()
			if n := reading.Value; n.Present() {
				if again, err := ParseNumber(n.String()); err != nil || !again.Decimal().Equal(n.Decimal()) {
					t.Fatalf("%q is read back as %s, %v", n, again.Decimal(), err)
				}
			}
		}
		_, _ = r.Verify(key, AllQuirks)
		_, _ = CheckTransaction([]Verified{{record: r, key: key}})
		_, _ = CheckTransaction([]Verified{{record: r, key: key}, {record: r, key: key}})
		// What a payload says can be signed, and says the same then.
		again, err := Sign(p, meterKey)
		if err == nil && p.User.Type != "" && !samePayload(again.Payload(), p) {
			t.Fatalf("signed %+v\nsays %+v", p, again.Payload())
		}
	})
}

func FuzzReadFileGivesRecordsOrAnError(f *testing.F) {
	f.Add(signed(good))
	f.Add([]byte("<values><value><signedData encoding='hex'>00</signedData><publicKey>00</publicKey></value></values>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := ReadFile(text)
		if err == nil && (len(values) == 0 || len(values) > RecordsMax) {
			t.Fatalf("%d values", len(values))
		}
		for _, v := range values {
			r, err := Parse(v.Data)
			if err != nil {
				continue
			}
			if key, err := DecodePublicKey(v.PublicKey, AllQuirks, r.Curve()); err == nil {
				_, _ = r.Verify(key, AllQuirks)
			}
		}
	})
}

func FuzzKeyIsReadBackOrRefused(f *testing.F) {
	for _, v := range openSSL {
		f.Add(v.key)
	}
	f.Add(mustKey(Secp256k1).Public().String())
	f.Fuzz(func(t *testing.T, text string) {
		key, err := DecodePublicKey(text, Quirks{}, 0)
		if err != nil {
			return
		}
		if again, err := ParsePublicKey(key.DER()); err != nil || again != key {
			t.Fatalf("%s is read back as %s, %v", key, again, err)
		}
	})
}
