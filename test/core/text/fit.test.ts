import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { cut, padEnd, widthOf, wrapped } from '../../../src/core/text/fit.ts'

const TEXTS = [
  'plain',
  '',
  'Zoë’s ñandú',
  'e\u0301',
  '订单处理器',
  '注文処理サービス',
  '주문 처리기',
  'خدمة الطلبات',
  'שירות הזמנות',
  'คำสั่งซื้อ',
  '🛒 cart 👩‍👩‍👧‍👦 ❤️ 🇩🇪',
  'ＦＵＬＬ',
  '→ … ✔ ▲',
]

describe('a text in columns', () => {
  test.each(TEXTS)('"%s" is as wide as string-width says', text => expect(widthOf(text)).toBe(stringWidth(text)))

  test.each(TEXTS)('"%s" cut to any width fits it', text => {
    for (let columns = 1; columns < 20; columns++) {
      expect(widthOf(cut(text, columns))).toBeLessThanOrEqual(columns)
      expect(widthOf(padEnd(cut(text, columns), columns))).toBe(columns)
    }
  })

  test.each<[string, number, readonly string[]]>([
    ['one two three', 80, ['one two three']],
    ['one two three', 7, ['one two', 'three']],
    ['one-two-three four', 7, ['one-two', '-three', 'four']],
    ['数据库连接 很慢', 6, ['数据库', '连接', '很慢']],
    ['', 5, ['']],
  ])('"%s" in lines of %d columns', (text, columns, lines) => expect(wrapped(text, columns)).toEqual(lines))

  test('a megabyte is cut without measuring it', () => {
    const long = '数据'.repeat(500_000)
    const begun = performance.now()
    for (let i = 0; i < 10; i++) expect(cut(long, 9)).toBe('数据数据…')
    expect(performance.now() - begun).toBeLessThan(500)
  })
})
