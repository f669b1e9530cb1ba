package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.TriggerMode;

class LapicHintsTest {
    /** Words: r a vector is requested, a taken, e ended. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        apicv    | words             | irrPending | isrCount | cache | inService | reason
        INACTIVE | ""                | true       | 0        | -1    | -1        | the page must be searched once
        INACTIVE | r31               | true       | 0        | -1    | -1        | requested
        INACTIVE | r31 a31           | false      | 1        | 49    | 49        | the last request is gone
        INACTIVE | r31 r41 a41       | true       | 1        | 65    | 65        | 0x31 is left
        INACTIVE | r31 a31 r41 a41   | false      | 2        | 65    | 65        | nested
        INACTIVE | r31 a31 r41 a41 e41 | false    | 1        | -1    | 49        | the page must be searched
        INACTIVE | r31 a31 e31       | false      | 0        | -1    | -1        | nothing left
        INACTIVE | r31 a31 e41       | false      | 1        | 49    | 49        | 0x41 was not in service
        INACTIVE | r31 a31 r31       | true       | 1        | 49    | 49        | requested again while in service
        ACTIVE   | ""                | true       | 1        | -1    | -1        | the page must always be searched
        ACTIVE   | r31 a31           | true       | 1        | -1    | 49        | the processor may request more
        ACTIVE   | r31 a31 r41 a41 e41 | true     | 1        | -1    | 49        | the processor may have ended some
        """)
    void theHintsSayWhenThePageNeedNotBeSearched(
            Machine.Apicv apicv, String words, boolean irrPending, int isrCount, int cache, int inService, String why) {
        Lapic lapic = Fixtures.enabledLapic(0).withApicv(apicv);
        for (String word : words.replace("\"", "").split(" ", -1)) {
            if (!word.isEmpty()) {
                int vector = Integer.parseInt(word.substring(1), 16);
                lapic = switch (word.charAt(0)) {
                    case 'r' -> lapic.requested(vector, TriggerMode.EDGE);
                    case 'a' -> lapic.acknowledged(vector);
                    default -> lapic.ended(vector);
                };
            }
        }

        assertEquals(new LapicHints(apicv, irrPending, isrCount, cache), lapic.hints(), why);
        assertEquals(inService, lapic.highestIsr());
    }
}
