/* Numbers as text: the shortest decimal that reads back as the same f32, as JSON writes numbers, whatever the locale. */
#ifndef EXCITON_FORMATS_DECIMAL_H
#define EXCITON_FORMATS_DECIMAL_H

enum { EXCITON_DECIMAL_BYTES = 32 };

/* "0.2", "0.1666667", "-1e-05". `value` is finite. */
void exciton_decimal_write(float value, char text[EXCITON_DECIMAL_BYTES]);

#endif
