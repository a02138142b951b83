package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

var words = strings.Fields(`the of and to in is you that it he was for on are as with his they at be this have from or one had
by word but not what all were we when your can said there use an each which she do how their if will up other about out many then
them these so some her would make like him into time has look two more write go see number no way could people my than first water
been call who oil its now find long down day did get come made may part`)

// page is a table of orders, always the same.
func page(size int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	some := func(n int) string {
		chosen := make([]string, n)
		for i := range chosen {
			chosen[i] = words[random.IntN(len(words))]
		}
		return strings.Join(chosen, " ")
	}
	b := []byte("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Orders</title>\n" +
		"<link rel=\"stylesheet\" href=\"/assets/application-5f2c8a0b.css\">\n</head>\n<body class=\"orders index\">\n<table class=\"table table-striped\">\n")
	for len(b) < size {
		id := random.IntN(1_000_000)
		b = fmt.Appendf(b, "<tr id=\"order_%d\" class=\"%s\">\n  <td class=\"name\"><a href=\"/orders/%d/edit\">%s</a></td>\n"+
			"  <td class=\"price\">%d.%02d</td>\n  <td class=\"note\">%s</td>\n</tr>\n",
			id, []string{"odd", "even"}[id%2], id, some(4), random.IntN(1000), random.IntN(100), some(14))
	}
	return b[:size]
}
