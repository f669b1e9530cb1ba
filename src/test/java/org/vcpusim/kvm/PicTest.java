package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PicTest {
    /** Vectors 0x20 and 0x28 on, nothing masked, no automatic EOI. */
    private static Pic initialised() {
        return script("w20=11 w21=20 w21=04 w21=01 wa0=11 wa1=28 wa1=02 wa1=01", Pic.reset());
    }

    /** w20=11 writes, +4 and -4 move input 4, ack acknowledges. */
    private static Pic script(String steps, Pic from) {
        Pic pic = from;
        for (String step : steps.split(" ", -1)) {
            pic = finished(one(step, pic)).pic();
        }
        return pic;
    }

    /** What the operation comes to when ack notifiers have run and done nothing. */
    private static Pic.Step finished(Pic.Step step) {
        return switch (step.rest()) {
            case NONE -> step;
            case UPDATE -> new Pic.Step(step.pic().updated(), step.ended(), Pic.Rest.NONE, step.value());
            case ACKNOWLEDGE_SLAVE -> finished(step.pic().acknowledgeSlave());
        };
    }

    private static Pic.Step one(String step, Pic pic) {
        if (step.startsWith("w")) {
            String[] parts = step.substring(1).split("=", -1);
            return pic.write(Integer.parseInt(parts[0], 16), Integer.parseInt(parts[1], 16), Pic.Acceptor.SOME);
        }
        if (step.startsWith("r")) {
            return pic.read(Integer.parseInt(step.substring(1), 16));
        }
        return step.equals("ack")
                ? pic.acknowledge()
                : pic.setInput(Integer.parseInt(step.substring(1)), 0, step.startsWith("+") ? 1 : 0);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        steps                            | last | value | output | reason
        +4                               | ack  | 0x24  | false  | an input of the master
        +12                              | ack  | 0x2c  | false  | an input of the slave, by the cascade
        +4 +3                            | ack  | 0x23  | false  | the lower input first, the other waits
        +4 ack +3                        | ack  | 0x23  | false  | a higher priority nests
        +3 ack +4                        | ack  | 0x27  | false  | a lower one does not: spurious
        +3 ack +4 w20=20                 | ack  | 0x24  | false  | until the EOI
        +3 ack +4 w20=63                 | ack  | 0x24  | false  | a specific EOI
        +3 ack +4 w20=64                 | ack  | 0x27  | false  | of another input
        +4 +5 w20=c4                     | ack  | 0x25  | false  | priorities set so that 4 is the lowest
        +3 ack w20=a0 -3 +3 +4           | ack  | 0x24  | false  | rotation on EOI makes 3 the lowest
        +4 w21=10                        | ack  | 0x27  | false  | masked: spurious
        +4 w21=10 w21=00                 | ack  | 0x24  | false  | unmasked again
        +4 ack w20=20 +4                 | ack  | 0x27  | false  | an edge needs the line to fall
        w4d0=10 +4                       | ack  | 0x24  | false  | a level input
        w4d0=10 +4 ack w20=20            | ack  | 0x24  | false  | a level input asks again
        w4d0=10 +4 -4                    | ack  | 0x27  | false  | a level that has gone is spurious
        +4                               | r20  | 0x10  | true   | IRR
        +4 ack w20=0b                    | r20  | 0x10  | false  | ISR
        w21=5a                           | r21  | 0x5a  | false  | IMR
        w4d0=ff                          | r4d0 | 0xf8  | false  | no level for inputs 0, 1 and 2
        w4d1=ff                          | r4d1 | 0xde  | false  | nor for 8 and 13
        +4 w20=0c                        | r20  | 0x84  | false  | a poll acknowledges
        w20=0c                           | r20  | 0x07  | false  | a poll that finds nothing
        +12 wa0=0c                       | ra0  | 0x84  | false  | a poll of the slave takes the cascade along
        +12 wa1=10                       | ack  | 0x2f  | false  | the slave has masked it meanwhile: spurious
        +12 ack +11                      | ack  | 0x27  | false  | the cascade in service keeps the slave out
        w20=11 w21=20 w21=04 w21=11 +12 ack +11 | ack | 0x2b | false | but not in special fully nested mode
        """)
    void whatThePicAnswers(String steps, String last, int value, boolean output) {
        Pic.Step step = finished(one(last, script(steps, initialised())));

        assertEquals(value, step.value());
        assertEquals(output, step.pic().output());
    }

    @Test
    void withAutomaticEoiNothingStaysInService() {
        Pic pic = script("w20=11 w21=20 w21=04 w21=03 +4", Pic.reset());

        Pic.Step step = pic.acknowledge();

        assertEquals(List.of(4), step.ended());
        assertEquals(0, step.pic().master().isr());
    }

    @Test
    void rotationOnAutomaticEoiMakesTheInputTheLowest() {
        Pic pic = script("w20=11 w21=20 w21=04 w21=03 w20=80 +4 ack", Pic.reset());

        assertEquals(5, pic.master().priorityAdd());
    }

    @Test
    void withoutAFourthWordInitialisationEndsAfterTheThird() {
        PicChip chip = script("w20=10 w21=40 w21=04", Pic.reset()).master();

        assertEquals(List.of(0, 0x40), List.of(chip.initState(), chip.irqBase()));
    }

    @Test
    void initialisationDropsEdgesAndTellsWhomTheyBelongedTo() {
        Pic pic = script("w4d0=20 +4 +5", initialised());

        Pic.Step step = one("w20=11", pic);

        assertEquals(List.of(4), step.ended());
        assertEquals(1 << 5, step.pic().master().irr());
    }

    @Test
    void aResamplerLowersALevelInputOfTheSlaveBeforeTheMasterLooksAtItAgain() {
        Pic.Step ending = one("wa0=20", script("w4d1=04 +10 ack", initialised()));

        assertEquals(List.of(10), ending.ended());
        Pic after = ending.pic().setInput(10, 0, 0).pic().updated();
        assertEquals(List.of(0, 0), List.of(after.master().irr(), after.slave().irr()));
    }

    @Test
    void theOutputThatRisesAgainAfterAnEoiWakesSomebody() {
        Pic inService = script("+3 +12 ack", initialised()).told();

        assertEquals(false, inService.output());
        assertEquals(true, script("w20=20", inService).wakeupNeeded());
    }

    @Test
    void theResultOfALineSaysWhetherItWasCoalesced() {
        Pic pic = initialised();

        assertEquals(
                List.of(1, 0, 1, -1),
                List.of(
                        pic.setInput(4, 0, 1).value(),
                        script("+4 -4", pic).setInput(4, 0, 1).value(),
                        script("+4", pic).setInput(4, 0, 0).value(),
                        script("w21=10", pic).setInput(4, 0, 1).value()));
    }
}
