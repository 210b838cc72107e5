package pricing

func (t *Tariff) readTexts(document object) error {
	texts, err := document.children("tariff_alt_text", textsMax)
	if err != nil {
		return err
	}
	for _, o := range texts {
		var text Text
		if text.Language, err = o.text("language", true); err != nil {
			return err
		}
		if text.Text, err = o.text("text", true); err != nil {
			return err
		}
		t.altTexts = append(t.altTexts, text)
	}
	t.altURL, err = document.text("tariff_alt_url", false)
	return err
}

func (t *Tariff) readEnergyMix(document object) error {
	if !document.has("energy_mix") {
		return nil
	}
	o, err := document.child("energy_mix")
	if err != nil {
		return err
	}
	green, ok := o.fields["is_green_energy"].(bool)
	if !ok {
		return o.errorf("is_green_energy", "true or false wanted")
	}
	t.mix = &EnergyMix{Green: green}
	if t.mix.SupplierName, err = o.text("supplier_name", false); err != nil {
		return err
	}
	if t.mix.ProductName, err = o.text("energy_product_name", false); err != nil {
		return err
	}
	sources, err := o.children("energy_sources", textsMax)
	if err != nil {
		return err
	}
	for _, o := range sources {
		name, err := o.text("source", true)
		if err != nil {
			return err
		}
		percent, err := o.number("percentage")
		if err != nil {
			return err
		}
		t.mix.Sources = append(t.mix.Sources, EnergySource{name, percent.exact()})
	}
	return nil
}
