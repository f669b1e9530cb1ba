package org.vcpusim.trace;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Bytes of ASCII text under construction.
 *
 * <p>Traces have millions of lines, so numbers are written digit by digit into one array that is used again and again.
 */
final class AsciiBuffer {
    private static final byte[] HEX_DIGITS = {
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'
    };
    private static final byte[] DIGIT_PAIRS = digitPairs();
    private static final int BILLION = 1_000_000_000;
    private static final int BILLION_DIGITS = 9;

    private byte[] bytes;
    private int size;

    AsciiBuffer(int capacity) {
        bytes = new byte[capacity];
    }

    int size() {
        return size;
    }

    /** Appends {@code text}, which must be ASCII. */
    @SuppressWarnings("deprecation") // drops the high byte of each char, which ASCII has not, and is a plain array copy
    AsciiBuffer text(String text) {
        int length = text.length();
        reserve(length);
        text.getBytes(0, length, bytes, size);
        size += length;
        return this;
    }

    AsciiBuffer character(char ascii) {
        reserve(1);
        bytes[size++] = (byte) ascii;
        return this;
    }

    AsciiBuffer copy(byte[] ascii) {
        reserve(ascii.length);
        System.arraycopy(ascii, 0, bytes, size, ascii.length);
        size += ascii.length;
        return this;
    }

    /** Appends {@code value} in decimal, with a sign if it is negative. */
    AsciiBuffer decimal(long value) {
        if (value < 0) {
            return value == Long.MIN_VALUE
                    ? text(Long.toString(value))
                    : character('-').decimal(-value);
        }
        if (value > Integer.MAX_VALUE) {
            long high = value / BILLION;
            return decimal(high).nineDigits((int) (value - high * BILLION));
        }
        int digits = 1;
        for (long limit = 10; value >= limit; limit *= 10) {
            digits++;
        }
        return digits((int) value, digits);
    }

    /** Appends {@code value}, 0 to 999,999,999, with leading zeros. */
    AsciiBuffer nineDigits(int value) {
        return digits(value, BILLION_DIGITS);
    }

    /** Appends {@code value} as an unsigned number in hexadecimal, without leading zeros. */
    AsciiBuffer hex(long value) {
        int significant = Long.SIZE - Long.numberOfLeadingZeros(value);
        return hex(value, Math.max(1, (significant + 3) >> 2));
    }

    /** Appends the last {@code digits} hexadecimal digits of {@code value}; at most 16. */
    AsciiBuffer hex(long value, int digits) {
        reserve(digits);
        long rest = value;
        for (int at = size + digits - 1; at >= size; at--) {
            bytes[at] = HEX_DIGITS[(int) rest & 0xf];
            rest >>>= 4;
        }
        size += digits;
        return this;
    }

    /** Writes everything to {@code out} and empties this buffer. */
    void drainTo(OutputStream out) throws IOException {
        out.write(bytes, 0, size);
        size = 0;
    }

    @Override
    public String toString() {
        return new String(bytes, 0, size, StandardCharsets.US_ASCII);
    }

    /** Two digits a division; divisions are what writing a number costs. */
    private AsciiBuffer digits(int value, int digits) {
        reserve(digits);
        int rest = value;
        int at = size + digits;
        while (at - size >= 2) {
            int hundredth = rest / 100;
            int pair = (rest - hundredth * 100) * 2;
            bytes[--at] = DIGIT_PAIRS[pair + 1];
            bytes[--at] = DIGIT_PAIRS[pair];
            rest = hundredth;
        }
        if (at > size) {
            bytes[size] = (byte) ('0' + rest);
        }
        size += digits;
        return this;
    }

    private static byte[] digitPairs() {
        byte[] pairs = new byte[200];
        for (int number = 0; number < 100; number++) {
            pairs[2 * number] = (byte) ('0' + number / 10);
            pairs[2 * number + 1] = (byte) ('0' + number % 10);
        }
        return pairs;
    }

    private void reserve(int more) {
        if (more > bytes.length - size) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
        }
    }
}
