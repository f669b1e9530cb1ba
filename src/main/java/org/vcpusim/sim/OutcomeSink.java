package org.vcpusim.sim;

import java.util.EnumSet;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.TraceSink;

/** Which turns of the protocol a schedule took. */
final class OutcomeSink implements TraceSink {
    private int turns;

    /** A turn that a schedule of a right machine may take or not. */
    enum Turn {
        KICKED("kicked", "an IPI made a vCPU leave the guest or look again"),
        CANCELLED("cancelled", "a vCPU gave up its entry at its last look at requests and mode"),
        COALESCED("coalesced", "a request was made again before its vCPU had seen it"),
        EXTRA("extra", "a bitmap has vectors at the end that it no longer needs"),
        PENDING("pending", "a bitmap at the end waits for a request that its vCPU has yet to see");

        private final String word;
        private final String meaning;

        Turn(String word, String meaning) {
            this.word = word;
            this.meaning = meaning;
        }

        String word() {
            return word;
        }

        String meaning() {
            return meaning;
        }
    }

    void begin() {
        turns = 0;
    }

    @Override
    public void accept(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.IpiSent) {
            took(Turn.KICKED);
        } else if (event instanceof Event.EntryCancelled) {
            took(Turn.CANCELLED);
        } else if (event instanceof Event.RequestMade made) {
            if (made.coalesced()) {
                took(Turn.COALESCED);
            }
        } else if (event instanceof Event.EoiExitBitmapAudited audit) {
            if (audit.verdict() == Event.BitmapVerdict.STALE_EXTRA) {
                took(Turn.EXTRA);
            } else if (audit.verdict() == Event.BitmapVerdict.PENDING) {
                took(Turn.PENDING);
            }
        }
    }

    private void took(Turn turn) {
        turns |= 1 << turn.ordinal();
    }

    /** The turns as a set of bits. */
    int bits() {
        return turns;
    }

    /** The turns of {@code bits}. */
    static EnumSet<Turn> turns(int bits) {
        EnumSet<Turn> set = EnumSet.noneOf(Turn.class);
        for (Turn turn : Turn.values()) {
            if ((bits & 1 << turn.ordinal()) != 0) {
                set.add(turn);
            }
        }
        return set;
    }

    @Override
    public void close() {}
}
