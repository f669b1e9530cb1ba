package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.trace.EventText;
import org.vcpusim.trace.SampleTrace;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/** How stories say what happened. */
class StoryWordsTest {
    @Test
    void everyKindOfEventHasWordsOfItsOwn() {
        for (TraceRecord record : SampleTrace.records()) {
            String words = StoryWords.always(record.event());
            assertNotEquals(Tracepoint.of(record.event()).traceName() + ": " + EventText.of(record.event()), words);
            assertTrue(words.matches("[A-Za-z0-9_' ]+: .+"), words);
        }
    }

    @Test
    void whatAnAuditFindsIsNoStep() {
        VectorBitmap posted = VectorBitmap.of(0x41);
        Event audit = new Event.VcpuAudited(
                1, EntryPhase.BLOCKED, MpState.HALTED, true, true, 0, VectorBitmap.EMPTY, VectorBitmap.EMPTY, posted);
        assertTrue(StoryWords.of(audit).isEmpty());
        assertEquals(
                "at rest: vcpu1 is in BLOCKED, requested no vector, in service no vector, PIR vector 0x41",
                StoryWords.always(audit));
    }
}
