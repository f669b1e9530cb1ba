package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.kvm.GuestAction.Plain;

/** Programs, and guests that run them. */
class GuestTest {

    /** Letters are actions; a digit repeats the parentheses behind it. */
    private static Program<String> parsed(String text) {
        List<Program.Item<String>> items = new ArrayList<>();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (Character.isDigit(c)) {
                int depth = 0;
                int end = i + 1;
                do {
                    depth += text.charAt(end) == '(' ? 1 : text.charAt(end) == ')' ? -1 : 0;
                    end++;
                } while (depth > 0);
                items.add(new Program.Repeat<>(c - '0', parsed(text.substring(i + 2, end - 1))));
                i = end - 1;
            } else {
                items.add(new Program.Do<>(String.valueOf(c)));
            }
        }
        return new Program<>(items);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        program         | run          | reason
        ''              | ''           | nothing
        abc             | abc          | one after the other
        a3(b)c          | abbbc        | a loop
        2(a3(b))c       | abbbabbbc    | a loop in a loop
        2(3(a))         | aaaaaa       | a loop in a loop and nothing else
        a0(b)c          | ac           | no times
        0(a)            | ''           | no times and nothing else
        a9()b           | ab           | an empty body
        9(9(0(a)))b     | b            | a body of loops without an action
        2(0(a)b9())     | bb           | such loops beside an action
        """)
    void aProgramIsRunInOrderLoopsAndAll(String program, String run) {
        StringBuilder ran = new StringBuilder();
        for (Program.Position<String> at = Program.Position.start(parsed(program)); at != null; at = at.next()) {
            ran.append(at.action());
        }

        assertEquals(run, ran.toString());
    }

    @Test
    void aLoopCannotRunANegativeNumberOfTimes() {
        assertThrows(IllegalArgumentException.class, () -> new Program.Repeat<>(-1, parsed("a")));
    }

    /** What a guest executes when the interrupts in {@code vectors} come before each fetch, -1 for none. */
    private static List<GuestAction> executed(Guest.Software software, int... vectors) {
        RecordingPort port = new RecordingPort();
        Guest guest = Guest.starting(software);
        for (int i = 0; i < vectors.length; i++) {
            guest = guest.step(new Guest.Fetch(0, i, i > 0, 0, vectors[i]), port);
        }
        return port.sentTo("vcpu 0").stream()
                .map(m -> ((Vcpu.Execute) m).action())
                .toList();
    }

    private static Guest.Software software(Program<GuestAction> main) {
        return new Guest.Software(
                main,
                List.of(new Guest.Handler(0x31, Fixtures.program(Plain.EXIT_TO_USERSPACE, Plain.EOI))),
                Fixtures.program(Plain.EOI),
                Fixtures.program(Plain.HLT),
                Fixtures.program(Plain.CLI));
    }

    @Test
    void aGuestIdlesWhenItsProgramHasEnded() {
        assertEquals(
                List.of(Plain.STI, Plain.NOP, Plain.HLT, Plain.HLT),
                executed(software(Fixtures.program(Plain.STI, Plain.NOP)), -1, -1, -1, -1));
    }

    @Test
    void aGuestWithNothingToRunIdlesAtOnce() {
        assertEquals(List.of(Plain.HLT, Plain.HLT), executed(software(Fixtures.program()), -1, -1));
    }

    @Test
    void aHandlerRunsAndReturnsToTheInterruptedInstruction() {
        assertEquals(
                List.of(Plain.STI, Plain.EXIT_TO_USERSPACE, Plain.EOI, Plain.IRET, Plain.NOP),
                executed(software(Fixtures.program(Plain.STI, Plain.NOP)), -1, 0x31, -1, -1, -1));
    }

    @Test
    void handlersNest() {
        assertEquals(
                List.of(Plain.EXIT_TO_USERSPACE, Plain.EOI, Plain.IRET, Plain.EOI, Plain.IRET, Plain.STI),
                executed(software(Fixtures.program(Plain.STI)), 0x31, 0x41, -1, -1, -1, -1));
    }

    @Test
    void aStartupForgetsWhatWasInterrupted() {
        RecordingPort port = new RecordingPort();
        Guest guest = Guest.starting(software(Fixtures.program(Plain.STI)));
        guest = guest.step(new Guest.Fetch(0, 1, false, 0, 0x31), port);

        guest.step(Guest.Startup.STARTUP, port).step(new Guest.Fetch(0, 2, false, 0, -1), port);

        assertEquals(
                List.of(new Vcpu.Execute(1, Plain.EXIT_TO_USERSPACE), new Vcpu.Execute(2, Plain.CLI)),
                port.sentTo("vcpu 0"));
    }

    @Test
    void anInstructionThatIsNotDoneIsExecutedAgain() {
        RecordingPort port = new RecordingPort();
        Guest guest = Guest.starting(software(Fixtures.program(Plain.STI, Plain.NOP)));
        guest = guest.step(new Guest.Fetch(0, 1, false, 0, -1), port);
        guest.step(new Guest.Fetch(0, 2, false, 0, -1), port);

        assertEquals(List.of(new Vcpu.Execute(1, Plain.STI), new Vcpu.Execute(2, Plain.STI)), port.sentTo("vcpu 0"));
    }

    /** What a hypervisor executes; V: it is told to run L2, then each letter is a reason for which L2 is left again. */
    private static String nested(Guest.Software software, String events) {
        StringBuilder ran = new StringBuilder();
        RecordingPort port = new RecordingPort();
        Guest guest = Guest.starting(software);
        for (int i = 0; i < events.length(); i++) {
            char c = events.charAt(i);
            guest = switch (c) {
                case '>' -> guest.step(Guest.NestedEntry.ENTER, port);
                case 'h' -> guest.step(new Guest.NestedExit(ExitReason.HLT), port);
                case 'e' -> guest.step(new Guest.NestedExit(ExitReason.EXTERNAL_INTERRUPT), port);
                case 'c' -> guest.step(new Guest.NestedExit(ExitReason.VMCALL), port);
                default -> guest.step(new Guest.Fetch(0, i, c == 'r', 0, c == 'i' ? 0x31 : -1), port);
            };
            if (port.takeFirst("vcpu 0") instanceof Vcpu.Execute e) {
                ran.append(letter(e.action()));
            }
        }
        return ran.toString();
    }

    private static char letter(GuestAction action) {
        return action instanceof GuestAction.Compute c
                ? (char) c.nanos()
                : action == GuestAction.PlainVmx.VMRESUME
                        ? 'V'
                        : action == GuestAction.PlainVmx.VMCALL ? 'C' : action == Plain.IRET ? 'I' : '?';
    }

    private static Program<GuestAction> letters(String text) {
        return Program.of(text.chars()
                .mapToObj(c -> c == 'V'
                        ? (GuestAction) GuestAction.PlainVmx.VMRESUME
                        : c == 'C' ? GuestAction.PlainVmx.VMCALL : new GuestAction.Compute(c))
                .toList());
    }

    /** In events, f fetches, r fetches after the last has retired, i fetches after an interrupt. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        events       | run      | reason
        frr          | aVb      | L1 alone
        fr>frrr      | aVxyCx   | L2, which begins anew after its call
        fr>frhf      | aVxyV    | an exit without handler: L1 resumes L2
        fr>frhf>fr   | aVxyVyC  | L2 goes on where it was
        fr>frefrrf   | aVxypqVV | the exit's handler, then L1 resumes L2
        fr>frrcfr    | aVxyCbd  | after the call L1 goes on
        fr>feirr     | aVxhIp   | an interrupt before the handler of the exit
        fr>fii       | aVxkk    | an interrupt of L2
        """)
    void aHypervisorRunsItsGuestBetweenItsOwnInstructions(String events, String run, String why) {
        Guest.Software l2 = new Guest.Software(letters("xyC"), List.of(), letters("k"), letters("xyC"), letters(""));
        Guest.Hypervisor hypervisor = new Guest.Hypervisor(
                l2, List.of(new Guest.ExitHandler(ExitReason.EXTERNAL_INTERRUPT, letters("pq"))), letters(""));
        Guest.Software l1 =
                new Guest.Software(letters("aVb"), List.of(), letters("h"), letters("d"), letters(""), hypervisor);

        assertEquals(run, nested(l1, events), why);
    }

    @Test
    void aGuestThatIsNoHypervisorRunsNone() {
        Guest.Software plain = new Guest.Software(letters("a"), List.of(), letters(""), letters("b"), letters(""));

        assertThrows(IllegalStateException.class, () -> nested(plain, ">"));
    }
}
