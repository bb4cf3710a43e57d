import assert from 'node:assert/strict'
import { test } from 'node:test'
import { htmlToText } from './html-text.ts'

test('the words of an HTML text', () => {
  for (const [html, text] of [
    ['plain', 'plain'],
    ['<p>one</p><p>two</p>', 'one two'],
    ['on<b>e</b> w<SPAN class="x">or</SPAN>d', 'one word'],
    ['a<br/>b<br>c<td>d', 'a b c d'],
    ['<head><title>t</title></head><style>p > a {}</style>x<script>if (a<b) {}</script>y', 'x y'],
    ['<!-- <p>no</p> -->x<!DOCTYPE html>', 'x'],
    ['5 < 6 > 4 <3', '5 < 6 > 4 <3'],
    ['&lt;b&gt; &amp;amp; &nbsp;&#1078;&#x416;&#0;&#x110000; &laquo;&unknown;&', '<b> &amp; жЖ «&unknown;&'],
    ['a<style>never closed', 'a'],
    ['a<b', 'a'],
    ['a<!-- never closed', 'a'],
  ] as const) {
    assert.equal(htmlToText(html).replace(/\s+/g, ' ').trim(), text, html)
  }
})

test('hostile input is answered (S11)', () => {
  for (const piece of ['<', '<a', '<style>', '</', '<!--', '&', '&#', '<style></style', '&amp']) {
    assert.equal(typeof htmlToText(piece.repeat(1_000_000 / piece.length)), 'string')
  }
})
