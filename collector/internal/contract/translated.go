package contract

// translatedColumns are headers of contract files in the languages other than
// English that Cisco's portals have: German, French, Spanish, Portuguese and
// Italian, and Japanese and Chinese for the fields that decide. They are
// translations of the English headers, as none is published.
func translatedColumns() map[string][]string {
	return map[string][]string{
		fieldSerial: {
			"seriennummer", "serien-nr.", "numéro de série", "n° de série", "número de serie", "n.º de serie", "número de série", "n.º de série",
			"numero di serie", "numero seriale", "シリアル番号", "序列号", "序列號",
		},
		fieldContract: {
			"vertragsnummer", "vertrag", "vertrags-nr.", "numéro de contrat", "n° de contrat", "contrat", "número de contrato", "n.º de contrato", "contrato",
			"numero di contratto", "numero contratto", "contratto", "契約番号", "合同编号", "合同號碼",
		},
		"instance": {"instanznummer", "numéro d'instance", "número de instancia", "número da instância", "numero di istanza"},
		fieldPID: {
			"produktnummer", "produkt-id", "produktkennung", "référence produit", "numéro de produit", "id produit", "número de producto", "id de producto", "id. de producto",
			"número do produto", "id do produto", "numero prodotto", "numero di prodotto", "id prodotto", "製品番号", "製品 id", "产品编号", "产品 id",
		},
		"description":   {"beschreibung", "produktbeschreibung", "descripción", "descripción del producto", "descrição", "descrição do produto", "description du produit", "descrizione", "descrizione prodotto"},
		"product_type":  {"produkttyp", "type de produit", "tipo de producto", "tipo de produto", "tipo di prodotto", "tipo prodotto"},
		"service_level": {"servicelevel", "serviceebene", "niveau de service", "nivel de servicio", "nível de serviço", "livello di servizio", "livello servizio", "サービスレベル", "服务级别"},
		"status":        {"statut", "état", "estado", "situação", "stato"},
		fieldBegin: {
			"startdatum", "anfangsdatum", "beginn", "date de début", "fecha de inicio", "fecha de comienzo", "data de início", "data di inizio", "data inizio", "開始日", "开始日期",
		},
		fieldEnd: {
			"enddatum", "ende", "ablaufdatum", "date de fin", "date d'expiration", "fecha de finalización", "fecha de fin", "fecha de término", "fecha de vencimiento",
			"data de término", "data de fim", "data final", "data di fine", "data fine", "data di scadenza", "終了日", "结束日期",
		},
		"ship_date":    {"versanddatum", "lieferdatum", "date d'expédition", "fecha de envío", "data de envio", "data di spedizione"},
		"last_support": {"letztes supportdatum", "ende des supports", "date de fin de support", "dernière date de support", "última fecha de soporte", "última data de suporte", "ultima data di supporto"},
		"warranty_end": {"garantieende", "fin de garantie", "date de fin de garantie", "fin de la garantía", "fim da garantia", "fine garanzia"},
		"site":         {"standort", "standortname", "nom du site", "site", "nombre del sitio", "nombre de la sede", "nome do local", "nome do site", "nome sito", "nome del sito"},
		"sales_order":  {"auftragsnummer", "numéro de commande", "número de pedido", "numero ordine"},
		"quantity":     {"menge", "anzahl", "quantité", "cantidad", "quantidade", "quantità"},
	}
}
