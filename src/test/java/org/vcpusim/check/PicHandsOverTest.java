package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/**
 * Traces by hand of the PIC behind a guest that has given its inputs vectors 0x20 to 0x2f, a word an event.
 *
 * <pre>
 * rise:4 fall:4      GSI 4 goes high, low
 * out:20:20          the guest writes 0x20 to port 0x20
 * inject:24 lapic:24 vector 0x24 is injected; is handed over by the local APIC
 * audit              the end
 * </pre>
 */
class PicHandsOverTest {
    private static final String BEGUN =
            "out:20:11 out:21:20 out:21:4 out:21:1 out:a0:11 out:a1:28 out:a1:2 out:a1:1 out:4d0:20 ";

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
        # trace                                              | violated at | reason
        rise:4 inject:24 out:20:20 audit                     | ""          | raised and taken
        inject:24                                            | 0           | not raised
        rise:4 inject:24 out:20:20 inject:24                 | 3           | raised once
        rise:4 inject:34                                     | 1           | no input has this vector
        lapic:34 inject:34                                   | ""          | it is the local APIC's
        inject:27                                            | ""          | spurious
        rise:4 out:21:10 inject:24                           | 2           | masked
        rise:4 out:21:10 audit                               | ""          | masked, it waits
        rise:4 audit                                         | 1           | nobody takes it
        rise:4 fall:4 audit                                  | 2           | an edge stays
        rise:4 inject:24 rise:6 inject:26                    | 3           | a more urgent one is served
        rise:4 inject:24 rise:6 audit                        | ""          | it waits for that
        rise:6 inject:26 rise:4 inject:24                    | ""          | the more urgent one may come
        rise:4 inject:24 out:20:64 rise:6 inject:26          | ""          | a specific EOI
        rise:5 inject:25 out:20:65 audit                     | 3           | a level asks again
        rise:5 inject:25 fall:5 out:20:65 audit              | ""          | it has fallen
        rise:12 inject:2c out:a0:20 out:20:20 audit          | ""          | the slave's
        rise:12 out:21:4 inject:2c                           | 2           | the cascade is masked
        rise:12 inject:2c out:a0:20 rise:14 inject:2e        | 4           | the master still serves the cascade
        out:20:c0 inject:24                                  | ""          | priorities that are not known
        """)
    void aVectorIsThatOfAnInputThatMayInterrupt(String words, String at, String reason) {
        Invariants invariants = Invariants.all();
        int begun = BEGUN.split(" ", -1).length - 1;
        List<TraceRecord> records = new ArrayList<>();
        for (String word : (BEGUN + words).split(" +", -1)) {
            int order = records.size() - begun;
            records.add(new TraceRecord(order, order + begun + 1L, Source.vcpu(0), event(word.split(":", -1))));
            if (word.startsWith("rise")) {
                int gsi = Integer.parseInt(word.substring(5));
                invariants.accept(new TraceRecord(
                        -begun - 1, 0, Source.vcpu(0), new Event.PicIrqSet(gsi >> 3, gsi & 7, 0x20, 0, false)));
            }
        }
        records.forEach(invariants::accept);
        assertEquals(at, Breaches.of(invariants, "X12"), reason);
    }

    private static Event event(String[] word) {
        return switch (word[0]) {
            case "rise" -> new Event.IrqLineSet(Integer.parseInt(word[1]), 1, 0);
            case "fall" -> new Event.IrqLineSet(Integer.parseInt(word[1]), 0, 0);
            case "out" -> new Event.PioAccessed(0, Event.Access.WRITE, hex(word[1]), hex(word[2]));
            case "inject" -> new Event.InterruptInjected(0, hex(word[1]), false);
            case "lapic" -> new Event.InterruptAcknowledged(0, hex(word[1]), true);
            case "audit" ->
                new Event.VcpuAudited(
                        0,
                        EntryPhase.BLOCKED,
                        MpState.HALTED,
                        true,
                        true,
                        0,
                        VectorBitmap.EMPTY,
                        VectorBitmap.EMPTY,
                        VectorBitmap.EMPTY);
            default -> throw new IllegalArgumentException(word[0]);
        };
    }

    private static int hex(String digits) {
        return Integer.parseInt(digits, 16);
    }
}
