/* JSON of PCRs, written short: H96("a") is 96 times the digit a. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#define H8(digit)  digit digit digit digit digit digit digit digit
#define H24(digit) H8(digit) H8(digit) H8(digit)
#define H96(digit) H24(digit) H24(digit) H24(digit) H24(digit)
/* "PCR0": "aaaa..." */
#define PCR(index, digit) "\"PCR" #index "\": \"" H96(digit) "\""

#endif
