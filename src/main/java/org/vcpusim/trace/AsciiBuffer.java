package org.vcpusim.trace;

import java.io.IOException;
import java.io.OutputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Bytes of ASCII text under construction.
 *
 * <p>Traces have millions of lines, so numbers are written eight digits at a time, into one array that is used again and again.
 */
final class AsciiBuffer {
    private static final VarHandle BIG_ENDIAN =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
    private static final VarHandle LITTLE_ENDIAN =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int TEN_THOUSAND = 10_000;
    private static final int HUNDRED_MILLION = 100_000_000;

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

    /** Appends the bytes of {@code other}. */
    AsciiBuffer append(AsciiBuffer other) {
        reserve(other.size);
        System.arraycopy(other.bytes, 0, bytes, size, other.size);
        size += other.size;
        return this;
    }

    /** Copies {@code length} bytes, from the one at {@code from}, to {@code at} in {@code target}. */
    void copyTo(int from, byte[] target, int at, int length) {
        System.arraycopy(bytes, from, target, at, length);
    }

    void clear() {
        size = 0;
    }

    /** Appends {@code value} in decimal, with a sign if it is negative. */
    AsciiBuffer decimal(long value) {
        if (value >= 0 && value < 10) {
            return character((char) ('0' + value));
        }
        if (value < 0) {
            return value == Long.MIN_VALUE
                    ? text(Long.toString(value))
                    : character('-').decimal(-value);
        }
        if (value >= HUNDRED_MILLION) {
            long high = value / HUNDRED_MILLION;
            return decimal(high).eightDigits((int) (value - high * HUNDRED_MILLION), 8);
        }
        return eightDigits((int) value, digits(value));
    }

    /** How many decimal digits {@code value} has, which is not negative. */
    static int digits(long value) {
        if (value >= HUNDRED_MILLION) {
            return digits(value / HUNDRED_MILLION) + 8;
        }
        int digits = 1;
        for (long limit = 10; value >= limit; limit *= 10) {
            digits++;
        }
        return digits;
    }

    /** Appends {@code value}, 0 to 999,999,999, with leading zeros. */
    AsciiBuffer nineDigits(int value) {
        int first = value / HUNDRED_MILLION;
        return character((char) ('0' + first)).eightDigits(value - first * HUNDRED_MILLION, 8);
    }

    /** Appends {@code value} as an unsigned number in hexadecimal, without leading zeros. */
    AsciiBuffer hex(long value) {
        int significant = Long.SIZE - Long.numberOfLeadingZeros(value);
        return hex(value, Math.max(1, (significant + 3) >> 2));
    }

    /** Appends the last {@code digits} hexadecimal digits of {@code value}; at most 16. */
    AsciiBuffer hex(long value, int digits) {
        reserve(2 * Long.BYTES);
        long leftmost = value << Long.SIZE - 4 * digits;
        BIG_ENDIAN.set(bytes, size, hexDigits(leftmost >>> Integer.SIZE));
        if (digits > Long.BYTES) {
            BIG_ENDIAN.set(bytes, size + Long.BYTES, hexDigits(leftmost & 0xffff_ffffL));
        }
        size += digits;
        return this;
    }

    /** The eight hexadecimal digits of {@code word}, 32 bits, as ASCII; the first one in the highest byte. */
    private static long hexDigits(long word) {
        long pairs = (word << 16 | word) & 0x0000_ffff_0000_ffffL;
        long bytes = (pairs << 8 | pairs) & 0x00ff_00ff_00ff_00ffL;
        long digits = (bytes << 4 | bytes) & 0x0f0f_0f0f_0f0f_0f0fL;
        long letters = digits + 0x0606_0606_0606_0606L >>> 4 & 0x0101_0101_0101_0101L;
        return digits + 0x3030_3030_3030_3030L + letters * ('a' - '0' - 10);
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

    /**
     * Appends the last {@code digits} of the eight decimal digits of {@code value}, 0 to 99,999,999. All eight are found at
     * once, in the bytes of a word that is split in halves, quarters and eighths; the divisions are multiplications.
     */
    private AsciiBuffer eightDigits(int value, int digits) {
        reserve(Long.BYTES);
        int thousands = value / TEN_THOUSAND;
        long halves = (long) (value - thousands * TEN_THOUSAND) << Integer.SIZE | thousands;
        long hundreds = halves * 10486 >>> 20 & 0x7f_0000_007fL;
        long quarters = halves - hundreds * 100 << 16 | hundreds;
        long tens = quarters * 103 >>> 10 & 0x000f_000f_000f_000fL;
        long eighths = quarters - tens * 10 << 8 | tens;
        long ascii = eighths | 0x3030_3030_3030_3030L;
        LITTLE_ENDIAN.set(bytes, size, ascii >>> Byte.SIZE * (Long.BYTES - digits));
        size += digits;
        return this;
    }

    private void reserve(int more) {
        if (more > bytes.length - size) {
            bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, size + more));
        }
    }
}
