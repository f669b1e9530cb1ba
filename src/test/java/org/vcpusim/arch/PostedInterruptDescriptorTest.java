package org.vcpusim.arch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.PostedInterruptDescriptor.Control;

class PostedInterruptDescriptorTest {

    private static final PostedInterruptDescriptor ZERO = PostedInterruptDescriptor.ZERO;
    private static final Control USED =
            new Control(0).withOn().withSn().withNv(0xf2).withNdst(0x8765_4321);

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        word               | on    | sn    | nv   | ndst       | reason
        0x0000000000000000 | false | false | 0x00 | 0x00000000 | nothing
        0x0000000000000001 | true  | false | 0x00 | 0x00000000 | bit 256
        0x0000000000000002 | false | true  | 0x00 | 0x00000000 | bit 257
        0x0000000000f20000 | false | false | 0xf2 | 0x00000000 | bits 279:272
        0x0000030000000000 | false | false | 0x00 | 0x00000300 | bits 319:288, xAPIC ID 3 in bits 15:8
        0xffffffff00000000 | false | false | 0x00 | 0xffffffff | bits 319:288, an x2APIC ID
        0x00000000ff00fffc | false | false | 0x00 | 0x00000000 | bits 271:258 and 287:280 say nothing
        """)
    void theControlWordHasItsFieldsWhereTheManualHasThem(String word, boolean on, boolean sn, int nv, String ndst) {
        Control control = new Control(Long.parseUnsignedLong(word.substring(2), 16));

        assertEquals(
                List.of(on, sn, nv, Integer.parseUnsignedInt(ndst.substring(2), 16)),
                List.of(control.on(), control.sn(), control.nv(), control.ndst()));
    }

    @Test
    void eachFieldOfTheControlWordIsReplacedAlone() {
        assertEquals(0x8765_4321_00f2_0003L, USED.word());
        assertEquals(0x8765_4321_00f2_0002L, USED.withoutOn().word());
        assertEquals(0x8765_4321_00f2_0001L, USED.withoutSn().word());
        assertEquals(0x8765_4321_00f1_0003L, USED.withNv(0xf1).word());
        assertEquals(0x0000_0007_00f2_0003L, USED.withNdst(7).word());
        Control ones = new Control(-1);
        assertEquals(0xffff_ffff_ff00_ffffL, ones.withNv(0).word());
        assertEquals(0x0000_0000_ffff_ffffL, ones.withNdst(0).word());
        assertThrows(IllegalArgumentException.class, () -> ones.withNv(256));
        assertThrows(IllegalArgumentException.class, () -> ones.withNv(-1));
    }

    @Test
    void aVectorIsItsBitOfTheFirstFourWordsAndTheControlIsTheFifth() {
        for (int vector = 0; vector < 256; vector++) {
            long[] words = new long[8];
            words[vector / 64] = 1L << vector % 64;
            words[4] = USED.word();
            PostedInterruptDescriptor descriptor = new PostedInterruptDescriptor(VectorBitmap.of(vector), USED);
            assertArrayEquals(words, descriptor.encode());
            assertEquals(descriptor, PostedInterruptDescriptor.decode(words));
        }
        assertArrayEquals(
                new long[8],
                PostedInterruptDescriptor.decode(new long[] {0, 0, 0, 0, 0, 1, 1, 1})
                        .encode());
        assertThrows(IllegalArgumentException.class, () -> PostedInterruptDescriptor.decode(new long[7]));
    }

    @Test
    void postingIsTwoOperationsAndEachSaysWhatItFound() {
        PostedInterruptDescriptor.Tested posted = ZERO.testAndSetPir(0x31);
        assertFalse(posted.wasSet());
        assertEquals(new PostedInterruptDescriptor(VectorBitmap.of(0x31), new Control(0)), posted.next());
        assertTrue(posted.next().testAndSetPir(0x31).wasSet());
        assertFalse(posted.next().testAndSetPir(0x32).wasSet());

        PostedInterruptDescriptor.Tested notified = posted.next().testAndSetOn();
        assertFalse(notified.wasSet());
        assertEquals(new PostedInterruptDescriptor(VectorBitmap.of(0x31), new Control(1)), notified.next());
        assertTrue(notified.next().testAndSetOn().wasSet());
        assertEquals(notified.next(), posted.next().setOn());
    }

    @Test
    void clearingOnLeavesTheRequestsAndTheRestOfTheControlWord() {
        PostedInterruptDescriptor full = new PostedInterruptDescriptor(VectorBitmap.of(1, 255), USED);
        PostedInterruptDescriptor cleared = new PostedInterruptDescriptor(VectorBitmap.of(1, 255), USED.withoutOn());

        assertEquals(cleared, full.clearOn());
        assertEquals(new PostedInterruptDescriptor.Tested(true, cleared), full.testAndClearOn());
        assertEquals(new PostedInterruptDescriptor.Tested(false, cleared), cleared.testAndClearOn());
    }

    @Test
    void suppressNotificationIsSetAndClearedAlone() {
        PostedInterruptDescriptor full = new PostedInterruptDescriptor(VectorBitmap.of(9), USED);

        assertEquals(new PostedInterruptDescriptor(VectorBitmap.of(9), USED.withoutSn()), full.clearSn());
        assertEquals(full, full.clearSn().setSn());
    }

    @Test
    void anExchangeTakesAllRequestsOrThoseOfOneWord() {
        VectorBitmap requests = VectorBitmap.of(3, 63, 64, 130, 255);
        PostedInterruptDescriptor full = new PostedInterruptDescriptor(requests, USED);

        assertEquals(
                new PostedInterruptDescriptor.Taken(requests, new PostedInterruptDescriptor(VectorBitmap.EMPTY, USED)),
                full.exchangePir());
        assertEquals(
                new PostedInterruptDescriptor.Taken(
                        VectorBitmap.of(3, 63), new PostedInterruptDescriptor(VectorBitmap.of(64, 130, 255), USED)),
                full.exchangePirWord(0));
        assertEquals(VectorBitmap.of(255), full.exchangePirWord(3).taken());
        assertThrows(IllegalArgumentException.class, () -> full.exchangePirWord(4));
    }

    @Test
    void aCompareExchangeReplacesTheControlWordOnlyIfItIsTheOneExpected() {
        PostedInterruptDescriptor full = new PostedInterruptDescriptor(VectorBitmap.of(9), USED);
        Control moved = USED.withNdst(5).withoutSn();

        assertEquals(
                new PostedInterruptDescriptor.Compared(USED, new PostedInterruptDescriptor(VectorBitmap.of(9), moved)),
                full.compareExchange(USED, moved));
        assertEquals(new PostedInterruptDescriptor.Compared(USED, full), full.compareExchange(USED.withoutOn(), moved));
    }
}
