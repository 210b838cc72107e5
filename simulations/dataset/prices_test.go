package dataset_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"joulepay/internal/shared"
	"joulepay/pricing/market"
	"joulepay/simulations/dataset"
)

// smard writes prices as SMARD publishes them: German local times, decimal commas, points between thousands.
func smard(t *testing.T, slots []market.Slot, english bool) []byte {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	head, form := "Datum von;Datum bis;∅ Anrainer DE/LU [€/MWh] Originalauflösungen;Deutschland/Luxemburg [€/MWh] Originalauflösungen", "02.01.2006 15:04"
	if english {
		head, form = "Start date;End date;∅ DE/LU neighbours [€/MWh] Original resolutions;Germany/Luxembourg [€/MWh] Original resolutions", "Jan 2, 2006 3:04 PM"
	}
	b.WriteString("\ufeff" + head + "\n")
	for _, s := range slots {
		price := s.Price.String()
		if !english {
			price = strings.Replace(price, ".", ",", 1)
		}
		fmt.Fprintf(&b, "%s;%s;1,5;%s\n", s.Start.In(zone).Format(form), s.End.In(zone).Format(form), price)
	}
	return []byte(b.String())
}

func TestAYearOfPricesIsTheSameInSMARDsForms(t *testing.T) {
	for _, year := range []string{"2024", "2025"} {
		want, err := dataset.Prices(shared.Read(t, "data/prices/prices_de_lu_day_ahead_"+year+".csv"), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, english := range []bool{false, true} {
			got, err := dataset.Prices(smard(t, want.Slots(), english), "")
			if err != nil {
				t.Fatalf("%s, English %v: %v", year, english, err)
			}
			wants, gots := want.Slots(), got.Slots()
			if len(gots) != len(wants) {
				t.Fatalf("%d slots, want %d", len(gots), len(wants))
			}
			for i := range wants {
				if !gots[i].Start.Equal(wants[i].Start) || !gots[i].End.Equal(wants[i].End) || gots[i].Price.String() != wants[i].Price.String() {
					t.Fatalf("slot %d is %v, want %v", i, gots[i], wants[i])
				}
			}
		}
	}
}

func TestPublishedPricesAgree(t *testing.T) {
	charts, err := dataset.Prices(shared.Read(t, "data/prices/energycharts_de_lu_2024-12-10.json"), "")
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write(shared.Read(t, "data/prices/awattar_2024-12-10.json"))
	_ = w.Close()
	awattar, err := dataset.Prices(packed.Bytes(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, slot := range charts.Slots() {
		other, err := awattar.At(slot.Start)
		if err != nil || other.Price.String() != slot.Price.String() {
			t.Errorf("%s: %s, aWATTar %s, %v", slot.Start, slot.Price, other.Price, err)
		}
	}
}

func TestSMARDsOldFormAndWhatIsMissing(t *testing.T) {
	const head = "Datum;Anfang;Ende;Deutschland/Luxemburg [€/MWh] Berechnete Auflösungen;Polen [€/MWh] Berechnete Auflösungen\n"
	got, err := dataset.Prices([]byte(head+"27.10.2024;01:00;02:00;-5,17;1\n27.10.2024;02:00;03:00;1.234,56;2\n27.10.2024;02:00;03:00;0,00;3\n27.10.2024;03:00;04:00;-;4\n"), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2024-10-26T23:00:00Z -5.17", "2024-10-27T00:00:00Z 1234.56", "2024-10-27T01:00:00Z 0"}
	for i, slot := range got.Slots() {
		if text := slot.Start.Format(time.RFC3339) + " " + slot.Price.String(); text != want[i] {
			t.Errorf("slot %d is %s, want %s", i, text, want[i])
		}
	}
	if len(got.Slots()) != len(want) {
		t.Errorf("%d slots", len(got.Slots()))
	}
	poland, err := dataset.Prices([]byte(head+"27.10.2024;01:00;02:00;-5,17;1\n"), "Polen [€/MWh] Berechnete Auflösungen")
	if err != nil || poland.Slots()[0].Price.String() != "1" {
		t.Errorf("another column: %v, %v", poland, err)
	}
	for _, test := range []struct {
		rows string
		want error
	}{
		{"1.1.24;01:00;02:00;5;1\n", dataset.ErrRow},
		{"01.01.2024;01:00;02:00;fünf;1\n", dataset.ErrRow},
		{"01.01.2024;01:00;02:00;5\n", dataset.ErrRow},
		{"01.01.2024;01:00;02:00;5;1\n01.01.2024;02:00;03:00;-;1\n01.01.2024;03:00;04:00;5;1\n", market.ErrGap},
		{"01.01.2024;01:00;02:00;5;1\n01.01.2024;01:00;02:00;5;1\n", market.ErrDuplicate},
		{"", market.ErrFormat},
	} {
		if _, err := dataset.Prices([]byte(head+test.rows), ""); !errors.Is(err, test.want) {
			t.Errorf("%q: %v, want %v", test.rows, err, test.want)
		}
	}
	if _, err := dataset.Prices([]byte("Datum von;Datum bis;Frankreich [€/MWh]\n"), ""); !errors.Is(err, dataset.ErrRow) {
		t.Errorf("no column of Germany: %v", err)
	}
}
