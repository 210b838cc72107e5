package browser_test

import (
	"fmt"
	"testing"
)

// module is an expression for a module of the page.
const module = `(async () => { const root = document.querySelector('script[type=module]').src.replace('app.js', ''); const m = await import(root + %q); return (%s)(m) })()`

func TestFiguresAreExactAndHaveTheirUnits(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(4).config()).url())
	for _, test := range []struct{ expression, want string }{
		{`f.sum(['0.1', '0.2', '-0.3', '4.567616472'])`, "4.567616472"},
		{`f.sum([undefined, '9223372036.854775807', '0.000000001'])`, "9223372036.854775808"},
		{`f.decimal(f.nano('-0.50'))`, "-0.5"},
		{`f.money({value: '-0.001', currency: 'EUR'})`, "€0.00"},
		{`f.money({value: '9007199254740993.25', currency: 'EUR'})`, "€9,007,199,254,740,993.25"},
		{`f.money({value: '0.00', currency: 'EUR'}, 4)`, "€0.00"},
		{`f.unitPrice({value: '0.583100002', currency: 'EUR'}, 'kWh')`, "€0.5831/kWh"},
		{`f.quantity('-4260000', 'mWh')`, "-4.26 kWh"},
		{`f.quantity('5460', 's')`, "1 h 31 min"},
		{`f.quantity('1', 'count')`, "1 piece"},
		{`f.energy(999)`, "999 Wh"},
		{`f.power('-9600')`, "-9.6 kW"},
		{`f.short('did:joule:z6MkgPbYn3fXy9KgMV6iX6EoHXUVET947CNNsgQm99ZA9umY')`, "z6MkgP…A9umY"},
		{`f.words('cooperative-close')`, "Cooperative close"},
	} {
		if got := eval[string](p, fmt.Sprintf(module, "format.js", `(f) => String(`+test.expression+`)`)); got != test.want {
			t.Errorf("%s is %q, want %q", test.expression, got, test.want)
		}
	}
}

func TestATraceOfAWeekIsAsSmallAsThatOfAnHourAndKeepsItsPauses(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(4).config()).url())
	const week = `(m) => {
		const trace = new m.Trace(), at = (i) => ({ sequence: i, time: new Date(i * 10000).toISOString(), state: i % 2000 > 1900 ? 'suspended_ev' : 'charging', quantity: String(i), amount: { value: '0', currency: 'EUR' } });
		for (let i = 0; i < 60480; i++) trace.add([at(i), at(i)]);
		const all = trace.all();
		return [all.length, trace.points.length <= m.POINTS_MAX, trace.pauses.length, all.at(-1).sequence, all.every((p, i) => i === 0 || p.t > all[i - 1].t), trace.pauses[0][1] - trace.pauses[0][0],
			Math.round(100 * all.filter((p) => p.sequence < 30240).length / all.length)].join();
	}`
	var points, pauses, last, length, firstHalf int
	var bounded, rising bool
	got := eval[string](p, fmt.Sprintf(module, "trace.js", week))
	if _, err := fmt.Sscanf(got, "%d,%t,%d,%d,%t,%d,%d", &points, &bounded, &pauses, &last, &rising, &length, &firstHalf); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
	if !bounded || points < 700 || pauses != 30 || last != 60479 || !rising || length != 990 || firstHalf < 40 || firstHalf > 60 { // percent
		t.Errorf("a week gives %s", got)
	}
}

func TestAGraphIsBoundedOrderedAndWalkedBothWays(t *testing.T) {
	t.Parallel()
	chromium(t)
	p := open(t, serve(t, newSite(4).config()).url())
	const chain = `(m) => {
		const g = new m.Graph(100), name = (i) => i.toString(16).padStart(64, '0');
		const v = (i) => ({ id: name(i), payload: name(i + 1000), kind: 'transfer', issuer: 'did:joule:z6MkX', parents: i ? [name(i - 1), name(Math.max(0, i - 2))] : [], height: i, state: 'accepted' });
		for (let i = 149; i >= 0; i--) g.put(v(i)); // newest first, as the API lists
		g.settle();
		g.finalise(120);
		g.put({ ...v(150), state: 'pending', height: 0 });
		g.settle();
		const inOrder = g.order.every((n, i) => n.column === i && (i === 0 || n.state === 'pending' || n.height > g.order[i - 1].height));
		const apart = g.order.every((n, i) => i === 0 || n.row !== g.order[i - 1].row);
		return [g.order.length, g.nodes.size, inOrder, apart, g.order.at(-1).state, g.order.filter((n) => n.state === 'final').length,
			g.ancestors(name(149)).size, g.descendants(name(149)).size, g.search(name(130)).length, g.search('z6MkX').length, g.children.size < 110].join();
	}`
	if got, want := eval[string](p, fmt.Sprintf(module, "graph.js", chain)), "100,100,true,true,pending,70,98,1,1,100,true"; got != want {
		t.Errorf("the graph says %s, want %s", got, want)
	}
}
