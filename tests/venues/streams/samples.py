"""Documented messages of all venues, and what they say.

What lives here: texts as the venues' pages and ccxt 4.5.64's comments show them (read on 2026-11-21), prices told apart where
they print the same one twice. What does not: reading them.
"""

from qmd_platform.model.window import instant
from qmd_platform.venues.streams.messages import Accepted, Beat, Denied, Event, Farewell, Ignored

BINANCE = (
    '{"e":"kline","E":1579482921215,"s":"ETHBTC","k":{"t":1579482900000,"T":1579482959999,"s":"ETHBTC","i":"1m",'
    '"f":158411535,"L":158411550,"o":"0.01913200","c":"0.01913500","h":"0.01913700","l":"0.01913100","v":"5.08400000",'
    '"n":16,"x":false,"q":"0.09728060","V":"3.30200000","Q":"0.06318500","B":"0"}}'
)
GATE = (
    '{"time":1606292600,"time_ms":1606292600376,"channel":"spot.candlesticks","event":"update","result":{"t":"1606292580",'
    '"v":"2362.32035","c":"19128.1","h":"19130.2","l":"19127.9","o":"19128.5","n":"1m_BTC_USDT","a":"3.8283","w":false}}'
)
GATE_FUTURES = (
    '{"time":1542162490,"time_ms":1542162490123,"channel":"futures.candlesticks","event":"update","error":null,"result":['
    '{"t":1545129300,"v":27525555,"c":"95.4","h":"96.9","l":"89.5","o":"94.3","n":"1m_BTC_USDT","a":"2752.5555","w":true}]}'
)
OKX = (
    '{"arg":{"channel":"candle1m","instId":"BTC-USDT"},"data":[["1629993600000","42500","48199.9","41006.1","41006.1",'
    '"3587.41204591","166741046.22583129","166741046.22583129","0"]]}'
)
OKX_SWAP = (
    '{"arg":{"channel":"candle1H","instId":"BTC-USDT-SWAP"},"data":[["1597024800000","11966.9","11970.1","11960","11965.2",'
    '"4121","41.21","493110.11","1"]]}'
)
BYBIT = (
    '{"topic":"kline.5.BTCUSDT","data":[{"start":1672324800000,"end":1672325099999,"interval":"5","open":"16649.5",'
    '"close":"16677","high":"16677.5","low":"16608","volume":"2.081","turnover":"34666.4005","confirm":false,'
    '"timestamp":1672324988882}],"ts":1672324988882,"type":"snapshot"}'
)
KRAKEN = (
    '{"channel":"ohlc","type":"update","timestamp":"2023-10-04T16:26:30.524394914Z","data":[{"symbol":"MATIC/USD",'
    '"open":0.5624,"high":0.5628,"low":0.5622,"close":0.5627,"trades":12,"volume":30927.68066226,"vwap":0.5626,'
    '"interval_begin":"2023-10-04T16:25:00.000000000Z","interval":5,"timestamp":"2023-10-04T16:30:00.000000Z"}]}'
)
BITFINEX_ANSWER = '{"event":"subscribed","channel":"candles","chanId":341527,"key":"trade:1m:tETHUSD"}'
BITFINEX = "[341527,[1654705860000,1802.6,1800.3,1802.8,1799.9,86.49588236]]"

CANDLES: list[tuple[str, str, str, tuple[str, ...], tuple[object, ...]]] = [
    (
        "binance:ETH/BTC:1m",
        "ETHBTC",
        "1",
        (BINANCE,),
        (1579482900000, 0.019132, 0.019137, 0.019131, 0.019135, 5.084, False, 1579482921215),
    ),
    (
        "bitfinex:ETH/USD:1m",
        "tETHUSD",
        "1",
        (BITFINEX_ANSWER, BITFINEX),
        (1654705860000, 1802.6, 1802.8, 1799.9, 1800.3, 86.49588236, False, None),
    ),
    (
        "bybit:BTC/USDT:USDT:5m",
        "BTCUSDT",
        "1",
        (BYBIT,),
        (1672324800000, 16649.5, 16677.5, 16608.0, 16677.0, 2.081, False, 1672324988882),
    ),
    (
        "gate:BTC/USDT:1m",
        "BTC_USDT",
        "1",
        (GATE,),
        (1606292580000, 19128.5, 19130.2, 19127.9, 19128.1, 3.8283, False, 1606292600376),
    ),
    (
        "gate:BTC/USDT:USDT:1m",
        "BTC_USDT",
        "0.0001",
        (GATE_FUTURES.replace("1542162490", "1545129361"),),
        (1545129300000, 94.3, 96.9, 89.5, 95.4, 2752.5555, True, 1545129361123),
    ),
    (
        "kraken:MATIC/USD:5m",
        "MATICUSD",
        "1",
        (KRAKEN,),
        (instant("2023-10-04T16:25Z"), 0.5624, 0.5628, 0.5622, 0.5627, 30927.68066226, False, 1696436790524),
    ),
    (
        "okx:BTC/USDT:1m",
        "BTC-USDT",
        "1",
        (OKX,),
        (1629993600000, 42500.0, 48199.9, 41006.1, 41006.1, 3587.41204591, False, None),
    ),
    (
        "okx:BTC/USDT:USDT:1h",
        "BTC-USDT-SWAP",
        "1",
        (OKX_SWAP,),
        (1597024800000, 11966.9, 11970.1, 11960.0, 11965.2, 41.21, True, None),
    ),
]
"""Series, the venue's name of the market, contract size, messages; open time, prices, volume, whether closed, venue's clock."""

MARKS: list[tuple[str, str, str, tuple[float | None, ...]]] = [
    (
        "binance:BTC/USDT:USDT",
        "BTCUSDT",
        (
            '{"e":"markPriceUpdate","E":1562305380000,"s":"BTCUSDT","p":"11794.15000000","ap":"11794.1","i":"11784.62659091",'
            '"P":"11784.25641265","r":"0.00038167","T":1562306400000}'
        ),
        (11794.15, 11784.62659091, 0.00038167, 1562306400000, None, 1562305380000),
    ),
    (
        "bybit:BTC/USDT:USDT",
        "BTCUSDT",
        (
            '{"topic":"tickers.BTCUSDT","type":"snapshot","data":{"symbol":"BTCUSDT","lastPrice":"17216.00","markPrice":"17217.33",'
            '"indexPrice":"17227.36","openInterest":"68744.761","openInterestValue":"1183601235.91","fundingRate":"-0.000212",'
            '"nextFundingTime":"1673280000000"},"cs":24987956059,"ts":1673272861686}'
        ),
        (17217.33, 17227.36, -0.000212, 1673280000000, 68744.761, 1673272861686),
    ),
    (
        "bybit:BTC/USDT:USDT",
        "BTCUSDT",
        (
            '{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"17217.34"},"cs":1,"ts":1673272861786}'
        ),
        (17217.34, None, None, None, None, 1673272861786),
    ),
    (
        "okx:BTC/USDT:USDT",
        "BTC-USDT-SWAP",
        (
            '{"arg":{"channel":"mark-price","instId":"BTC-USDT-SWAP"},"data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP",'
            '"markPx":"42310.6","ts":"1630049139746"}]}'
        ),
        (42310.6, None, None, None, None, 1630049139746),
    ),
    (
        "okx:BTC/USDT:USDT",
        "BTC-USDT-SWAP",
        (
            '{"arg":{"channel":"index-tickers","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","idxPx":"0.1","high24h":"0.5",'
            '"low24h":"0.1","open24h":"0.1","sodUtc0":"0.1","sodUtc8":"0.1","ts":"1597026383085"}]}'
        ),
        (None, 0.1, None, None, None, 1597026383085),
    ),
    (
        "okx:BTC/USDT:USDT",
        "BTC-USDT-SWAP",
        (
            '{"arg":{"channel":"funding-rate","instId":"BTC-USDT-SWAP"},"data":[{"fundingRate":"0.0001875391284828",'
            '"fundingTime":"1700726400000","instId":"BTC-USDT-SWAP","instType":"SWAP","method":"current_period",'
            '"nextFundingRate":"","nextFundingTime":"1700755200000","settFundingRate":"0.0001699799259033","settState":"settled",'
            '"ts":"1700724675402"}]}'
        ),
        (None, None, 0.0001875391284828, 1700726400000, None, 1700724675402),
    ),
    (
        "okx:BTC/USDT:USDT",
        "BTC-USDT-SWAP",
        (
            '{"arg":{"channel":"open-interest","instId":"BTC-USDT-SWAP"},"data":[{"instType":"SWAP","instId":"BTC-USDT-SWAP",'
            '"oi":"2216113.01","oiCcy":"22161.1301","oiUsd":"1939251795.54","ts":"1743041250440"}]}'
        ),
        (None, None, None, None, 22161.1301, 1743041250440),
    ),
]
"""Perpetual, the venue's name, message; mark, index, predicted rate, next settlement, open interest, venue's clock."""

ANSWERS: list[tuple[str, str, Event]] = [
    ("binance", '{"result":null,"id":3}', Accepted(3)),
    ("binance", '{"error":{"code":2,"msg":"Invalid request"},"id":3}', Denied("Invalid request (2)", 3)),
    ("binance", '{"e":"serverShutdown","E":1770123456789}', Farewell("the venue shuts its server down")),
    ("bitfinex", '{"event":"pong","ts":1511545528111,"cid":1}', Beat()),
    (
        "gate",
        (
            '{"time":1784800711,"time_ms":1784800711140,"channel":"spot.system","event":"update","result":{"type":"upgrade",'
            '"msg":"The connection will soon be closed for a service upgrade. Please reconnect."}}'
        ),
        Farewell("the venue stops this server for an upgrade"),
    ),
    (
        "gate",
        '{"time":1784800711,"time_ms":1784800711140,"channel":"futures.system","event":"update","result":{"type":"news"}}',
        Ignored("system"),
    ),
    ("bitfinex", '{"event":"info","code":20051,"msg":"Stopping"}', Farewell("the venue stops or restarts this server")),
    ("bitfinex", '{"event":"info","version":2,"platform":{"status":1}}', Ignored("info")),
    (
        "bitfinex",
        '{"channel":"candles","key":"trade:1m:tNO","event":"error","msg":"symbol: invalid","code":10300}',
        Denied("symbol: invalid (10300)", topic="trade:1m:tNO"),
    ),
    ("bybit", '{"success":true,"ret_msg":"","conn_id":"2324","req_id":"4","op":"subscribe"}', Accepted(4)),
    ("bybit", '{"success":true,"ret_msg":"pong","conn_id":"2324","req_id":"","op":"ping"}', Beat()),
    (
        "bybit",
        '{"success":false,"ret_msg":"Invalid symbol :[kline.1.NO]","conn_id":"2","req_id":"4","op":"subscribe"}',
        Denied("Invalid symbol :[kline.1.NO]", 4),
    ),
    ("gate", '{"time":1,"channel":"spot.pong","event":"","result":null}', Beat()),
    ("gate", '{"time":1,"channel":"futures.pong","event":"","result":null}', Beat()),
    (
        "gate",
        (
            '{"time":1,"id":5,"channel":"spot.candlesticks","event":"subscribe","error":{"code":2,"message":"unknown currency '
            'pair NO"},"result":null}'
        ),
        Denied("unknown currency pair NO (2)", 5),
    ),
    ("kraken", '{"channel":"heartbeat"}', Beat()),
    ("kraken", '{"method":"pong","req_id":1,"time_in":"2023-09-24T14:10:23.799685Z"}', Beat()),
    (
        "kraken",
        '{"channel":"status","type":"update","data":[{"system":"online","api_version":"v2"}]}',
        Ignored("status"),
    ),
    (
        "kraken",
        '{"method":"subscribe","result":{"channel":"ohlc","interval":1,"snapshot":true,"symbol":"BTC/USD"},"success":true}',
        Accepted(topic="ohlc-1:BTC/USD"),
    ),
    (
        "kraken",
        '{"error":"Currency pair not supported NO/USD","method":"subscribe","req_id":6,"success":false,"symbol":"NO/USD"}',
        Denied("Currency pair not supported NO/USD (NO/USD)", 6),
    ),
    ("okx", "pong", Beat()),
    (
        "okx",
        '{"id":"7","event":"subscribe","arg":{"channel":"candle1m","instId":"BTC-USDT"},"connId":"a4d3ae55"}',
        Accepted(topic="candle1m:BTC-USDT"),
    ),
    (
        "okx",
        '{"id":"7","event":"error","code":"60018","msg":"Wrong URL or channel:candle1m,instId:NO-USDT doesn\'t exist."}',
        Denied("Wrong URL or channel:candle1m,instId:NO-USDT doesn't exist. (60018)", 7, "candle1m:NO-USDT"),
    ),
    (
        "okx",
        '{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade."}',
        Farewell("The connection will soon be closed for a service upgrade. (64008)"),
    ),
]
"""Venue, message, what it is."""
