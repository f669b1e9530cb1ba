package org.vcpusim.schedule;

import java.util.Arrays;
import java.util.Base64;
import java.util.zip.CRC32;

/**
 * A schedule as text: base64url, made of the letters, digits, {@code -} and {@code _} that need no quotes in a shell.
 *
 * <p>The bytes are a format number; two varints, the number of picks and of actors (the highest index plus one); the picks,
 * bits from the highest of each byte down, the last byte filled up with zeros; the upper half of the CRC-32 of all that. In
 * format 1 a pick takes as many bits as the highest index does. In format 2 picks are runs: the actor, in as many bits, and
 * how often it is picked in a row, in Elias' gamma code (a zero for each bit after the first, then the number). The
 * shorter one is written, format 1 if they are equally long.
 */
public final class PackedPicks {
    /** No more picks than this are read or written. */
    public static final int MAX_PICKS = 1 << 26;

    private static final int PLAIN = 1;
    private static final int RUNS = 2;
    private static final int CHECK_BYTES = 2;

    private PackedPicks() {}

    /** {@code schedule} as text. */
    public static String encode(Schedule schedule) {
        int count = schedule.size();
        if (count > MAX_PICKS) {
            throw new IllegalArgumentException(count + " picks: must be at most " + MAX_PICKS);
        }
        int actors = 0;
        for (int i = 0; i < count; i++) {
            actors = Math.max(actors, schedule.actor(i) + 1);
        }
        int width = width(actors);
        boolean runs = runBits(schedule, width) < (long) width * count;
        Out out = new Out();
        out.bits(runs ? RUNS : PLAIN, Byte.SIZE);
        out.varint(count);
        out.varint(actors);
        if (runs) {
            writeRuns(schedule, width, out);
        } else {
            for (int i = 0; i < count; i++) {
                out.bits(schedule.actor(i), width);
            }
        }
        return Base64.getUrlEncoder().withoutPadding().encodeToString(out.checked());
    }

    /** Bits of an index below {@code actors}. */
    private static int width(int actors) {
        return actors < 2 ? 0 : Integer.SIZE - Integer.numberOfLeadingZeros(actors - 1);
    }

    private static int runLength(Schedule schedule, int from) {
        int end = from + 1;
        while (end < schedule.size() && schedule.actor(end) == schedule.actor(from)) {
            end++;
        }
        return end - from;
    }

    private static int log2(int number) {
        return Integer.SIZE - 1 - Integer.numberOfLeadingZeros(number);
    }

    private static long runBits(Schedule schedule, int width) {
        long bits = 0;
        int length;
        for (int i = 0; i < schedule.size(); i += length) {
            length = runLength(schedule, i);
            bits += width + 2L * log2(length) + 1;
        }
        return bits;
    }

    private static void writeRuns(Schedule schedule, int width, Out out) {
        int length;
        for (int i = 0; i < schedule.size(); i += length) {
            length = runLength(schedule, i);
            out.bits(schedule.actor(i), width);
            out.bits(0, log2(length));
            out.bits(length, log2(length) + 1);
        }
    }

    /**
     * The schedule of {@code text}.
     *
     * @throws IllegalArgumentException if {@link #encode} cannot have written it; says what is wrong
     */
    public static Schedule decode(String text) {
        In in = new In(bytes(text));
        int format = in.bits(Byte.SIZE);
        if (format != PLAIN && format != RUNS) {
            throw new IllegalArgumentException("format = " + format + ": must be " + PLAIN + " or " + RUNS
                    + ", or the schedule is of a later version");
        }
        in.check();
        int count = in.varint("number of picks", MAX_PICKS);
        int actors = in.varint("number of actors", Integer.MAX_VALUE);
        if (count > 0 && actors == 0) {
            throw new IllegalArgumentException(count + " picks of no actors: must have an actor");
        }
        int[] picks = format == PLAIN ? readPlain(in, count, actors) : readRuns(in, count, actors);
        in.end();
        return Schedule.of(picks);
    }

    private static byte[] bytes(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean allowed =
                    c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_';
            if (!allowed) {
                throw new IllegalArgumentException(
                        "character " + (i + 1) + " is '" + c + "': must be a letter, a digit, - or _");
            }
        }
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(text);
            if (bytes.length > CHECK_BYTES) {
                return bytes;
            }
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(text.length() + " characters: the end is missing", e);
        }
        throw new IllegalArgumentException(text.length() + " characters: must be longer, the end is missing");
    }

    private static int[] readPlain(In in, int count, int actors) {
        int width = width(actors);
        in.require((long) width * count);
        int[] picks = new int[count];
        for (int i = 0; i < count; i++) {
            picks[i] = actor(in, width, actors, i);
        }
        return picks;
    }

    private static int[] readRuns(In in, int count, int actors) {
        int width = width(actors);
        int[] picks = new int[count];
        int length;
        for (int i = 0; i < count; i += length) {
            int actor = actor(in, width, actors, i);
            length = in.gamma();
            if (length > count - i) {
                throw new IllegalArgumentException(
                        "a run of " + length + " at pick " + i + ": must be at most " + (count - i));
            }
            Arrays.fill(picks, i, i + length, actor);
        }
        return picks;
    }

    private static int actor(In in, int width, int actors, int pick) {
        int actor = in.bits(width);
        if (actor >= actors) {
            throw new IllegalArgumentException(
                    "actor = " + actor + " at pick " + pick + ": must be 0 to " + (actors - 1));
        }
        return actor;
    }

    private static int checkOf(byte[] bytes, int length) {
        CRC32 crc = new CRC32();
        crc.update(bytes, 0, length);
        return (int) (crc.getValue() >>> Short.SIZE);
    }

    /** Bits into bytes. */
    private static final class Out {
        private static final int INITIAL_CAPACITY = 64;

        private byte[] bytes = new byte[INITIAL_CAPACITY];
        private int length;

        void bits(int value, int count) {
            for (int bit = count - 1; bit >= 0; bit--) {
                int index = length >> 3;
                if (index == bytes.length) {
                    bytes = Arrays.copyOf(bytes, 2 * bytes.length);
                }
                bytes[index] |= (byte) ((value >>> bit & 1) << 7 - (length & 7));
                length++;
            }
        }

        void varint(int value) {
            int rest = value;
            while (rest >= 0x80) {
                bits(rest & 0x7f | 0x80, Byte.SIZE);
                rest >>>= 7;
            }
            bits(rest, Byte.SIZE);
        }

        byte[] checked() {
            int used = length + 7 >> 3;
            byte[] all = Arrays.copyOf(bytes, used + CHECK_BYTES);
            int check = checkOf(all, used);
            all[used] = (byte) (check >>> Byte.SIZE);
            all[used + 1] = (byte) check;
            return all;
        }
    }

    /** Bits out of bytes. */
    private static final class In {
        private static final int MAX_VARINT_BITS = 28;

        private final byte[] bytes;
        private final long end;
        private long position;

        In(byte[] bytes) {
            this.bytes = bytes;
            end = (long) Byte.SIZE * (bytes.length - CHECK_BYTES);
        }

        void check() {
            int used = bytes.length - CHECK_BYTES;
            int written = (bytes[used] & 0xff) << Byte.SIZE | bytes[used + 1] & 0xff;
            int computed = checkOf(bytes, used);
            if (written != computed) {
                throw new IllegalArgumentException(String.format(
                        "check = %04x: must be %04x, a character is missing or wrong", written, computed));
            }
        }

        void require(long bits) {
            if (bits > end - position) {
                throw new IllegalArgumentException((end - position) + " bits left: must be " + bits);
            }
        }

        int bits(int count) {
            require(count);
            int value = 0;
            for (int i = 0; i < count; i++) {
                int bit = bytes[(int) (position >> 3)] >>> 7 - (int) (position & 7) & 1;
                value = value << 1 | bit;
                position++;
            }
            return value;
        }

        int varint(String what, int max) {
            long value = 0;
            for (int shift = 0; shift <= MAX_VARINT_BITS; shift += 7) {
                int next = bits(Byte.SIZE);
                value |= (long) (next & 0x7f) << shift;
                if (next < 0x80) {
                    if (value > max) {
                        break;
                    }
                    return (int) value;
                }
            }
            throw new IllegalArgumentException(what + " too large: must be at most " + max);
        }

        int gamma() {
            int zeros = 0;
            while (bits(1) == 0) {
                zeros++;
                if (zeros == Integer.SIZE - 1) {
                    throw new IllegalArgumentException("a run of 2^31 or more: must be at most " + MAX_PICKS);
                }
            }
            return 1 << zeros | bits(zeros);
        }

        void end() {
            long left = end - position;
            if (left >= Byte.SIZE || bits((int) left) != 0) {
                throw new IllegalArgumentException(left + " bits behind the last pick: must be fewer than 8 zeros");
            }
        }
    }
}
